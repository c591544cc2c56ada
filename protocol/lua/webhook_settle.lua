-- webhook_settle(delivery, attempt, 'delivered' | 'failed' | 'gone', again in ms or -1, status,
--   error, took ms, kept) → {'ok'} | {'late'}
-- Writes down what became of a try. Of a try that another sender has begun anew, nothing.
local name, attempt, what = ARGV[1], ARGV[2], ARGV[3]
local again, kept = tonumber(ARGV[4]), tonumber(ARGV[8])
if redis.call('HGET', K.delivery(name), 'attempts') ~= attempt then return {'late'} end
local endpoint = string.match(name, '^[^/]*')
local state = what
if what == 'failed' then state = again >= 0 and 'due' or 'given_up' end
if what == 'delivered' then redis.call('HDEL', K.webhook(endpoint), 'disabled') end
if what == 'gone' then
  state = 'given_up'
  if redis.call('EXISTS', K.webhook(endpoint)) == 1 then
    redis.call('HSET', K.webhook(endpoint), 'disabled', int(NOW))
  end
end
put(K.delivery(name), {state = state, status = ARGV[5], error = ARGV[6], took_ms = ARGV[7],
  tried = int(NOW)})
if state == 'due' then
  redis.call('ZADD', K.deliveries(), int(NOW_MS + again), name)
else
  redis.call('ZREM', K.deliveries(), name)
  redis.call('EXPIRE', K.delivery(name), RETENTION_S)
end
-- The log: what was tried, the newest so many. What is due stays, whether it is listed or not.
local log = K.delivery_log(endpoint)
redis.call('ZADD', log, int(NOW_MS), name)
for _, old in ipairs(redis.call('ZRANGE', log, 0, -kept - 1)) do
  redis.call('ZREM', log, old)
  if not redis.call('ZSCORE', K.deliveries(), old) then redis.call('DEL', K.delivery(old)) end
end
redis.call('EXPIRE', log, RETENTION_S)
return {'ok'}
