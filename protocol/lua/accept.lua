-- accept(job, job JSON, rows JSON, limit, idempotency key, body hash, idempotency seconds, keep open,
--   memory bound, from, to)
-- Creates the job unless it exists, and gives each document row its generation. Where *from* is not
-- '', these are what the job's rows numbered from there to *to* of the job that it retries came to:
-- done once, by whoever comes first.
-- → {'ok', job, messages…} | {'same', job} | {'conflict'} | {'full', depth} | {'memory'}
-- | {'sealed'} | {'gone'} | {'overspent', …}
local job, fields, rows = ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local limit, idempotency, body = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local idempotency_s, keep_open = tonumber(ARGV[7]), ARGV[8] == '1'

local from, to = ARGV[10], ARGV[11]

local before = answered_before(idempotency, body)
if before then return before end
local inc = fields.incarnation
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'gone'} end
local j = row(K.job(job))
if not j.state and not fields.kind then return {'sealed'} end  -- forgotten since it was looked up
if from ~= '' then
  redis.call('ZADD', K.filling(), 'XX', int(NOW_MS), job)  -- others have their turns first
  if j.filling ~= '1' or j.fill_at ~= from then return {'same', job} end
elseif j.filling == '1' then
  return {'sealed'}
end
local fresh, paid, there = 0, 0, {}
for i, r in ipairs(rows) do
  there[i] = redis.call('EXISTS', K.unit(r.id)) == 1
    or (j.state and find_archived(job, r.id))
  if not there[i] then fresh = fresh + 1 end
  if not (there[i] or r.rejected) then paid = paid + 1 end
end
if j.state and (FINAL[j.state] or j.sealed == '1') then
  -- A call that brings nothing new is a repeat whose answer was lost on the way.
  if fresh == 0 and (#rows > 0 or not keep_open) then return {'same', job} end
  return {'sealed'}
end
local depth = redis.call('ZCARD', K.deadlines('ingest'))
if fresh > 0 and depth + fresh > limit then return {'full', tostring(depth)} end
-- What is tried again was paid for.
local by = from == '' and fields.key or nil
local over = paid > 0 and overspent(by, 'documents', paid)
if over then return over end
-- The catalogue will have each document's metadata once more, with what the job says of all.
local of_all = #(j.metadata or fields.metadata or '')
local bytes = #ARGV[2] + #ARGV[3] + ROW_BYTES * (fresh + 1)
if fresh > 0 and not fits(bytes, fresh * (GROWTH_DOCUMENT + of_all) + #ARGV[3], ARGV[9]) then
  return {'memory'}
end
keep_key(idempotency, body, idempotency_s, job)
spend(by, 'documents', paid)
if from == '' and fresh > 0 then note_use(inc) end
if not j.state then
  spend(by, 'jobs', 1)
  fields.idempotency = idempotency ~= '' and idempotency or nil
  begin_job(job, fields)
  j = row(K.job(job))
elseif fresh > 0 then
  prolong(job, j)
end

-- The newest accepted generation of a document and its fingerprint, and its current one and its
-- chunks; zeros where there is none.
local function generations_of(doc)
  local cg, cc, last, fingerprint = 0, 0, 0, ''
  local current = redis.call('HGET', K.current(inc), doc)
  if current then
    local g, c = string.match(current, '^(%d+):(%d+):')
    cg, cc = tonumber(g), tonumber(c)
    last, fingerprint = cg, string.match(current, '^%d+:%d+:%d+:[^:]*:(%x+)$') or ''
  end
  local newest = redis.call('HGET', K.newest(inc), doc)
  if newest then
    local g, f = string.match(newest, '^(%d+):(.*)$')
    if tonumber(g) >= last then last, fingerprint = tonumber(g), f end
  end
  return last, fingerprint, cg, cc
end

local may_double = fields.on_duplicate ~= 'skip' and fields.on_duplicate ~= 'fail'
local out = {'ok', job}
local roles = {}
local reserved = 0

-- A document that is deleted is no file of its vector store any more, and what was to make it stops.
local function detach_deleted(doc)
  local unit = detach(inc, doc)
  local u = unit and row(K.unit(unit)) or {}
  if u.state and not FINAL[u.state] and ask_to_stop(unit, u) then roles[u.role] = true end
end

local floor = floor_of(inc)
local base = redis.call('LLEN', K.rows(job))
local deadline = NOW_MS + patience_of(j)
for i, r in ipairs(rows) do
  local id = r.id
  -- Else it is the same document, sent again, perhaps in this very call.
  if not there[i] and redis.call('EXISTS', K.unit(id)) == 0 then
    local doc = r.document
    local last, fingerprint, cg, cc = generations_of(doc)
    r.id = nil
    r.job = job
    r.class = 'ingest'
    r.incarnation = inc
    r.n = tostring(base + i - 1)
    begin_row(r, NOW + i - 1, deadline)  -- rows of one request wait in its order
    redis.call('RPUSH', K.rows(job), id)
    redis.call('HINCRBY', K.job(job), 'total', 1)
    redis.call('SADD', K.open(job), id)
    if r.stage == 'remove' then detach_deleted(doc) end
    if r.attached and not attach(inc, id, r) then
      r.rejected = problem('not_found', 'The file cannot be changed',
        'It was detached, or attached anew, meanwhile.')
    end

    local twin = not may_double and r.sha256 and find_bytes(inc, r.sha256)
    if twin == doc then twin = false end
    if twin then  -- one that is about to be replaced or deleted is no place to point at
      local g = string.match(redis.call('HGET', K.newest(inc), twin) or '', '^(%d+):')
      if g and redis.call('SISMEMBER', K.opened(inc), twin .. ':' .. g) == 1 then twin = false end
    end
    local told = short_fingerprint(r.fingerprint)
    if r.rejected then
      local why = r.rejected
      r.rejected = nil
      put(K.unit(id), r)
      close(id, r, 'failed', {error = why})
    elseif told ~= '' and told == short_fingerprint(fingerprint) and last == cg and cc > 0 then
      put(K.unit(id), r)
      close(id, r, 'succeeded', {outcome = 'unchanged', shown_chunks = tostring(cc)}, true)
    elseif twin and fields.on_duplicate == 'skip' then
      put(K.unit(id), r)
      close(id, r, 'succeeded', {outcome = 'duplicate_of', duplicate_of = twin}, true)
    elseif twin and fields.on_duplicate == 'fail' then
      put(K.unit(id), r)
      close(id, r, 'failed', {duplicate_of = twin, error = problem('duplicate',
        'The same content is already in the collection', 'It is there as ' .. twin
        .. '; send on_duplicate=index to have it twice, or skip to leave it out.')}, true)
    else
      -- Taken from the clock, so that a generation is not given twice when Redis loses its
      -- last second.
      local generation = int(math.max(last + 1, NOW, floor))
      r.generation = generation
      local growth = GROWTH_DOCUMENT + of_all + #(r.own_metadata or '')
      r.room = int(growth)
      reserved = reserved + growth
      put(K.unit(id), r)
      redis.call('HSET', K.newest(inc), doc, generation .. ':' .. told)
      redis.call('SADD', K.opened(inc), doc .. ':' .. generation)
      redis.call('ZADD', K.deadlines('ingest'), r.deadline, id)
      wait_in_lane(id, r)
      roles[r.role] = true
    end
  end
end
reserve(bytes, reserved)
if from ~= '' then redis.call('HSET', K.job(job), 'fill_at', to) end
if not keep_open then
  end_filling(job)
  seal_job(job)
end
for role in pairs(roles) do dispatch(role, out) end
return out
