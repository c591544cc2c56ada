-- cancel_job(job): it takes no more documents, and its rows are asked to stop by its flag, whatever
-- becomes of the caller that goes on to `cancel_rows` → {'ok'} | {'none'}
local job = ARGV[1]
local state = redis.call('HGET', K.job(job), 'state')
if not state or FINAL[state] then return {'none'} end
redis.call('HSET', K.job(job), 'cancel', '1', 'sealed', '1')
end_job(job)
return {'ok'}
