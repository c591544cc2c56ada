-- cancel_job(job): it takes no more documents, and its rows are asked to stop by its flag; each is
-- then ended by `cancel_rows`, whatever becomes of the caller → {'ok'} | {'none'}
local job = ARGV[1]
local state = redis.call('HGET', K.job(job), 'state')
if not state or FINAL[state] then return {'none'} end
redis.call('HSET', K.job(job), 'cancel', '1', 'sealed', '1')
redis.call('HSETNX', K.job(job), 'cancel_at', int(NOW))
end_filling(job)
redis.call('ZADD', K.stopping(), int(NOW_MS), job)
end_job(job)
return {'ok'}
