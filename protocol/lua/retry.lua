-- retry(job, fields JSON, idempotency key, body hash, idempotency seconds)
-- → {'ok', job} | {'same', job} | {'conflict'} | {'gone'}
-- Records the job that gets what did not succeed of *fields.retry_of*, whose rows number
-- *fields.fill_total*. They come later, slice by slice; see accept.
local job, fields = ARGV[1], cjson.decode(ARGV[2])
local idempotency, body, idempotency_s = ARGV[3], ARGV[4], ARGV[5]

if redis.call('EXISTS', K.job(job)) == 1 then return {'same', job} end  -- its answer was lost
local before = asked_before(fields.retry_of, idempotency, body, idempotency_s)
if before then return before end
if redis.call('EXISTS', K.collection(fields.incarnation)) == 0 then return {'gone'} end
keep_key(idempotency, body, idempotency_s, job)
fields.idempotency = idempotency ~= '' and idempotency or nil
begin_filling(job, fields, K.filling())
return {'ok', job}
