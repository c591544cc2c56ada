-- ask_list(job, fields JSON, idempotency key, body hash, idempotency seconds, memory bound)
-- → {'ok', job} | {'same', job} | {'conflict'} | {'gone'} | {'memory'} | {'overspent', …}
-- Records the job of a list of *fields.fill_total* questions, which lies in the blob store. Their
-- rows come later, slice by slice; see fill_questions. *fields.retry_of*: whose questions they were.
-- One of no questions at all ends at once: as failed, where *fields.error* says why.
local job, fields = ARGV[1], cjson.decode(ARGV[2])
local idempotency, body, idempotency_s = ARGV[3], ARGV[4], ARGV[5]

if redis.call('EXISTS', K.job(job)) == 1 then return {'same', job} end  -- its answer was lost
local before = asked_before(fields.retry_of, idempotency, body, idempotency_s)
if before then return before end
if redis.call('EXISTS', K.collection(fields.incarnation)) == 0 then return {'gone'} end
local over = overspent(fields.key, 'questions', tonumber(fields.fill_total))
if over then return over end
local bytes = ROW_BYTES + #ARGV[2]
if not fits(bytes, 0, ARGV[6]) then return {'memory'} end
reserve(bytes, 0)
spend(fields.key, 'jobs', 1)
spend(fields.key, 'questions', tonumber(fields.fill_total))
note_use(fields.incarnation)
keep_key(idempotency, body, idempotency_s, job)
fields.idempotency = idempotency ~= '' and idempotency or nil
begin_filling(job, fields, K.asking())
if fields.fill_total == '0' then
  end_filling(job)
  seal_job(job)
end
return {'ok', job}
