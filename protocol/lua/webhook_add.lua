-- webhook_add(endpoint, URL, secret, most, tenant, form) → {'ok'} | {'full'}
local endpoint, most = ARGV[1], tonumber(ARGV[4])
if redis.call('EXISTS', K.webhook(endpoint)) == 0 then
  if redis.call('ZCARD', K.webhooks()) >= most then return {'full'} end
  put(K.webhook(endpoint), {url = ARGV[2], secret = ARGV[3], created = int(NOW),
    tenant = ARGV[5] ~= '' and ARGV[5] or nil, form = ARGV[6]})
  redis.call('ZADD', K.webhooks(), int(NOW), endpoint)
end
return {'ok'}
