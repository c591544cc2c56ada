-- seal(job, idempotency key, body hash, idempotency seconds): no more documents will come
-- → {'ok'} | {'none'} | {'same', job} | {'conflict'}
-- A job that is being filled is sealed by its last slice.
local job = ARGV[1]
local before = answered_before(ARGV[2], ARGV[3])
if before then return before end
local j = redis.call('HMGET', K.job(job), 'state', 'filling')
if not j[1] then return {'none'} end
keep_key(ARGV[2], ARGV[3], ARGV[4], job)
if j[2] == '1' then return {'ok'} end
seal_job(job)
return {'ok'}
