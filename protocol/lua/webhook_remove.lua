-- webhook_remove(endpoint) → {'ok'} | {'none'}
-- What is due to it is forgotten when it is its turn: there may be much.
local endpoint = ARGV[1]
redis.call('ZREM', K.webhooks(), endpoint)
for _, name in ipairs(redis.call('ZRANGE', K.delivery_log(endpoint), 0, -1)) do
  redis.call('DEL', K.delivery(name))
end
redis.call('DEL', K.delivery_log(endpoint))
if redis.call('DEL', K.webhook(endpoint)) == 0 then return {'none'} end
return {'ok'}
