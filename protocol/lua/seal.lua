-- seal(job): no more documents will come → {'ok'} | {'none'}
local job = ARGV[1]
if redis.call('EXISTS', K.job(job)) == 0 then return {'none'} end
redis.call('HSET', K.job(job), 'sealed', '1')
end_job(job)
return {'ok'}
