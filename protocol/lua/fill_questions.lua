-- fill_questions(job, fields of all rows JSON, rows JSON, limit, memory bound, from, '1': the last)
-- → {'ok', messages…} | {'same'} | {'full', depth} | {'memory'} | {'revoked'}
-- Gives a list the rows of its questions numbered *from* and on: done once, by whoever comes first.
-- What a row says itself comes before what is said of all. One with an *error* from the first was
-- refused: it fails at once. All rows of a batch, and such as have no time of their own, are late
-- when the job is; none are made any more for a batch whose key was revoked.
local job, all, rows = ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local limit, from, last = tonumber(ARGV[4]), ARGV[6], ARGV[7] == '1'

redis.call('ZADD', K.asking(), 'XX', int(NOW_MS), job)  -- others have their turns first
local j = row(K.job(job))
if j.filling ~= '1' or j.fill_at ~= from then return {'same'} end
if j.batch and j.key and redis.call('EXISTS', K.api_key(j.key)) == 0 then return {'revoked'} end
local depth = redis.call('ZCARD', K.deadlines('batch'))
if depth + #rows > limit then return {'full', tostring(depth)} end
local bytes = #ARGV[3] + (ROW_BYTES + #ARGV[2]) * #rows
if not fits(bytes, GROWTH_BATCH * #rows, ARGV[5]) then return {'memory'} end
reserve(bytes, GROWTH_BATCH * #rows)
if #rows > 0 and not j.batch then prolong(job, j) end

local ids, deadlines, roles, refused = {}, {}, {}, {}
for i, r in ipairs(rows) do
  local n = tonumber(from) + i - 1
  local id = job .. ':' .. string.format('%05x', n)
  for name, value in pairs(all) do r[name] = r[name] or value end
  r.job = job
  r.n = int(n)
  local own_ms = tonumber(r.deadline_ms)  -- texts to embed have none
  local late = (j.batch or own_ms == 0) and tonumber(j.deadline) or NOW_MS + own_ms
  begin_row(r, NOW + i - 1, late)  -- they wait in the list's order
  r.deadline_ms = nil
  r.room = int(GROWTH_BATCH)
  put(K.unit(id), r)
  if r.error then
    refused[id] = r
  else
    wait_in_lane(id, r)
    roles[r.role] = true
  end
  ids[i] = id
  deadlines[2 * i - 1], deadlines[2 * i] = r.deadline, id
end
if #ids > 0 then
  redis.call('RPUSH', K.rows(job), unpack(ids))
  redis.call('SADD', K.open(job), unpack(ids))
  redis.call('ZADD', K.deadlines('batch'), unpack(deadlines))
end
local total = int(tonumber(from) + #ids)
redis.call('HSET', K.job(job), 'total', total, 'fill_at', total)
for id, r in pairs(refused) do close(id, r, 'failed', {}) end
local out = {'ok'}
if last then
  end_filling(job)
  seal_job(job)
end
for role in pairs(roles) do dispatch(role, out) end
return out
