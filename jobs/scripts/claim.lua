-- claim(unit, stage, holder, bodies, solo running) → {'ok', row…} | {refusal}
local id, stage, holder = ARGV[1], ARGV[2], ARGV[3]
local bodies, solo_running = tonumber(ARGV[4]), ARGV[5] == '1'
local u = row(K.unit(id))
if not u.state then return {'gone'} end
if FINAL[u.state] then return {'final'} end
if not redis.call('ZSCORE', K.inflight(u.role), id) then return {'not_dispatched'} end
if redis.call('EXISTS', K.claim(id)) == 1 then
  if u.holder ~= holder then return {'claimed'} end
  -- This very claim once more: its answer was lost on the way.
  local again = redis.call('HGETALL', K.unit(id))
  table.insert(again, 1, 'ok')
  return again
end
-- A late duplicate of an earlier stage's message must not run this stage with that code.
if u.stage ~= stage then return {'stage'} end
count_lapse(id, u)
if close_if_over(id, u) then
  local out = {'closed'}
  dispatch(u.role, out)
  return out
end
local solo = tonumber(u.deaths) >= SOLO_DEATHS
if (solo and bodies > 0) or solo_running then return {'solo'} end

local claims = tonumber(u.stage_claims or '0') + 1
local fields = {
  epoch = later_epoch(u), held = '1', counted = '0', holder = holder, state = 'running',
  stage_claims = tostring(claims), claimed = int(NOW),
  waited = int(tonumber(u.waited or '0') + NOW - tonumber(u.since or int(NOW))),
}
if not u.started then fields.started = int(NOW) end
put(K.unit(id), fields)
redis.call('SET', K.claim(id), fields.epoch, 'PX', CLAIM_MS)
if u.job then
  if redis.call('HGET', K.job(u.job), 'state') == 'queued' then
    put(K.job(u.job), {state = 'running', started = int(NOW)})
    emit(u.job, 'state', '{"state":"running"}')
  end
else
  if u.state == 'queued' then emit(id, 'state', '{"state":"running"}') end
  if claims > 1 then emit(id, 'reset', '{"attempt":' .. claims .. '}') end
  emit(id, 'stage', '{"stage":"' .. stage .. '"}')
end
local out = redis.call('HGETALL', K.unit(id))
table.insert(out, 1, 'ok')
return out
