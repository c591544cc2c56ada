-- purge(job, ended before, collection or '', rows at most, dry '1' or '') → {jobs, rows, more, segments…}
-- Forgets a job that ended before a time of Redis' clock, microseconds: its rows, so many a call, the
-- last ones first, then itself. Open jobs, and what their rows made current, are never touched.
-- *more* is '1' where rows are left for another call. *segments* of the archive hold rows forgotten.
local job, before, wanted, most = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local dry = ARGV[5] == '1'
local segments = {}

local function is_due(key)
  local s = redis.call('HMGET', key, 'state', 'finished', 'collection')
  return s[1] and FINAL[s[1]] and s[2] and tonumber(s[2]) < before
    and (wanted == '' or s[3] == wanted)
end

-- A segment is deleted once all its rows were forgotten: so they are counted here, where each is
-- forgotten once. Its name is what stands before the dot.
local function count_archived(pointer)
  local segment = pointer and string.match(pointer, '^(.*)%.')
  if not segment then return end
  redis.call('HINCRBY', K.purged(), segment, 1)
  segments[segment] = true
end

local function answer(jobs, rows, more)
  local out = {jobs, rows, more and '1' or ''}
  for segment in pairs(segments) do out[#out + 1] = segment end
  return out
end

local function collection_of(key) return redis.call('HGET', key, 'collection') end

if is_due(K.unit(job)) then
  if not dry then
    unlist_job(job, collection_of(K.unit(job)))
    count_archived(redis.call('HGET', K.unit(job), 'archived'))
    redis.call('DEL', K.unit(job), K.events(job))
    redis.call('ZREM', K.ended(), job)
  end
  return answer(1, 0)
end
-- An open retry still reads the rows of the job that it retries.
if not is_due(K.job(job)) or open_retry(job) then return answer(0, 0) end
if dry then return answer(1, redis.call('LLEN', K.rows(job))) end
local ids = redis.call('LRANGE', K.rows(job), -most, -1)
for _, id in ipairs(ids) do count_archived(forget_row(job, id)) end
redis.call('LTRIM', K.rows(job), 0, -#ids - 1)
if redis.call('EXISTS', K.rows(job)) == 1 then return answer(0, #ids, true) end
unlist_job(job, collection_of(K.job(job)))
redis.call('ZREM', K.unmade(), job)
redis.call('DEL', K.job(job), K.open(job), K.events(job), K.retried(job))
return answer(1, #ids)
