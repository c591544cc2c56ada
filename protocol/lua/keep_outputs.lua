-- keep_outputs(job, fields JSON, rows, and of each file: id, tenant, created, expires ms or '',
-- record JSON) → {'ok'} | {'same'} | {'gone'}
-- Writes down which files a batch came to, once, and tells of them: whoever made them too must not
-- bring back one that was deleted meanwhile. Not where the job has another number of *rows* than
-- they were made of: some were forgotten meanwhile.
local job, fields = ARGV[1], cjson.decode(ARGV[2])
local j = row(K.job(job))
if not j.state or j.outputs_at then redis.call('ZREM', K.unmade(), job) end
if not j.state then return {'gone'} end
if j.outputs_at then return {'same'} end
if redis.call('LLEN', K.rows(job)) ~= tonumber(ARGV[3]) then return {'gone'} end
for at = 4, #ARGV, 5 do
  local file, tenant, created, expires = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  put(K.file(file), cjson.decode(ARGV[at + 4]))
  if expires ~= '' then redis.call('PEXPIREAT', K.file(file), expires) end
  redis.call('ZADD', K.files(tenant), created, file)
end
fields.outputs_at = int(NOW)
put(K.job(job), fields)
redis.call('ZREM', K.unmade(), job)
announce(job, j, j.state, true)
return {'ok'}
