-- submit(id, fields JSON, limit, idempotency key, body hash, idempotency seconds, memory bound)
-- → {'ok', id, created, deadline, {place}, messages…} | {'same', id} | {'conflict'} | {'full', depth}
--   | {'memory'} | {'busy', other} | {'nowhere'} | {'overspent', …}
-- *fields.alone* names what only one open unit may do at a time. Whose *fields* name a collection and
-- not its id is given that of today, so that no collection can go between a look and the submission.
-- With *ok* comes what the caller will show: its times, and its place (see `place_of`).
local id, fields, limit = ARGV[1], cjson.decode(ARGV[2]), tonumber(ARGV[3])
local idempotency, body, idempotency_s = ARGV[4], ARGV[5], tonumber(ARGV[6])

-- This very call once more, its answer lost on the way: what became of the unit stays.
if redis.call('EXISTS', K.unit(id)) == 1 then return {'same', id} end
if (fields.kind == 'query' or fields.kind == 'search') and fields.collection
    and not fields.incarnation then
  fields.incarnation = redis.call('HGET', K.collections(), fields.collection)
  if not fields.incarnation then return {'nowhere'} end
end
local before = asked_before(fields.retry_of, idempotency, body, idempotency_s)
if before then return before end
local depth = redis.call('ZCARD', K.deadlines(fields.class))
if depth >= limit then return {'full', tostring(depth)} end
local is_question = fields.kind == 'query' or fields.kind == 'search'
local over = overspent(fields.key, is_question and 'questions' or 'jobs', 1)
if over then return over end
local bytes = ROW_BYTES + #ARGV[2]
local growth = fields.class == 'interactive' and GROWTH_INTERACTIVE or GROWTH_BATCH
if not fits(bytes, growth, ARGV[7]) then return {'memory'} end
if fields.alone then
  local other = redis.call('GET', K.alone(fields.alone))
  if other and is_open(other) then return {'busy', other} end
  redis.call('SET', K.alone(fields.alone), id, 'PX', int(tonumber(fields.deadline_ms) * 2))
end
if idempotency ~= '' then
  keep_key(idempotency, body, idempotency_s, id)
  fields.idempotency = idempotency
end
if fields.retry_of then note_retry(fields.retry_of, id) end

begin_row(fields, NOW, NOW_MS + tonumber(fields.deadline_ms))
fields.deadline_ms = nil
fields.room = int(growth)
reserve(bytes, growth)
put(K.unit(id), fields)
redis.call('ZADD', K.deadlines(fields.class), fields.deadline, id)
if not PASSING[fields.kind] then list_job(id, fields.kind, fields.collection) end
wait_in_lane(id, fields)
tally('submitted:' .. fields.kind)
spend(fields.key, 'jobs', 1)
if is_question then
  spend(fields.key, 'questions', 1)
  if fields.incarnation then note_use(fields.incarnation) end
  for name in string.gmatch(fields.also or '', '%S+') do
    note_use(redis.call('HGET', K.collections(), name) or '')
  end
end
if fields.kind == 'query' and fields.class == 'interactive' then
  begin_events(id, 'state', '{"state":"queued"}')
end

local messages = {}
dispatch(fields.role, messages)
return {'ok', id, fields.created, fields.deadline, {place_of(id, fields.role, fields.owner)},
  unpack(messages)}
