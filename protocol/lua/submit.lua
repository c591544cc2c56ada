-- submit(id, fields JSON, limit, idempotency key, body hash, idempotency seconds, memory bound)
-- → {'ok', id, messages…} | {'same', id} | {'conflict'} | {'full', depth} | {'memory'} | {'busy', other}
-- *fields.alone* names what only one open unit may do at a time.
local id, fields, limit = ARGV[1], cjson.decode(ARGV[2]), tonumber(ARGV[3])
local idempotency, body, idempotency_s = ARGV[4], ARGV[5], tonumber(ARGV[6])

-- This very call once more, its answer lost on the way: what became of the unit stays.
if redis.call('EXISTS', K.unit(id)) == 1 then return {'same', id} end
local before = answered_before(idempotency, body)
  or retried_before(fields.retry_of, idempotency, body, idempotency_s)
if before then return before end
local depth = redis.call('ZCARD', K.deadlines(fields.class))
if depth >= limit then return {'full', tostring(depth)} end
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

fields.state = 'queued'
fields.created = int(NOW)
fields.since = int(NOW)
fields.deadline = int(NOW_MS + tonumber(fields.deadline_ms))
fields.deadline_ms = nil
fields.epoch = '0'
fields.held = '0'
fields.deaths = '0'
fields.room = int(growth)
reserve(bytes, growth)
put(K.unit(id), fields)
redis.call('ZADD', K.deadlines(fields.class), fields.deadline, id)
if fields.kind ~= 'search' then list_job(id, fields.kind) end
wait_in_lane(id, fields)
tally('submitted:' .. fields.kind)
if fields.kind == 'query' and fields.class == 'interactive' then
  begin_events(id, 'state', '{"state":"queued"}')
end

local out = {'ok', id}
dispatch(fields.role, out)
return out
