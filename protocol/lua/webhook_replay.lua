-- webhook_replay(delivery) → {'ok'} | {'none'}
local name = ARGV[1]
if redis.call('EXISTS', K.delivery(name)) == 0 then return {'none'} end
put(K.delivery(name), {state = 'due', tries = '0'})
redis.call('PERSIST', K.delivery(name))
redis.call('ZADD', K.deliveries(), int(NOW_MS), name)
return {'ok'}
