-- webhook_test(endpoint, message) → {'ok'} | {'none'}
local endpoint, message = ARGV[1], ARGV[2]
if redis.call('EXISTS', K.webhook(endpoint)) == 0 then return {'none'} end
deliver(endpoint, message, {type = 'webhook.test', at = int(NOW), id = endpoint}, nil)
return {'ok'}
