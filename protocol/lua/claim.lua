-- claim(unit, stage, holder, bodies, quarantine running, '1': do not wait for this process)
-- → {'ok', row…} | {refusal} | {'later', messages…}: it must run alone where others have long to go,
-- or another must, and has waited for that or run for a while; it may be had by another process
-- | {'closed', {id, state, job, document, request of the unit ended}, {messages…}}
local id, stage, holder = ARGV[1], ARGV[2], ARGV[3]
local bodies, solo_running = tonumber(ARGV[4]), ARGV[5] == '1'
local u = row(K.unit(id))
if not u.state then return {'gone'} end
if FINAL[u.state] then return {'final'} end
if not redis.call('ZSCORE', K.inflight(u.role), id) then return {'not_dispatched'} end
if redis.call('EXISTS', K.claim(id)) == 1 then
  if u.holder ~= holder then return {'claimed'} end
  -- This very claim once more: its answer was lost on the way.
  local again = whole_row(id, u)
  table.insert(again, 1, 'ok')
  return again
end
-- A late duplicate of an earlier stage's message must not run this stage with that code.
if u.stage ~= stage then return {'stage'} end
count_lapse(id, u)
if close_if_over(id, u) then
  local ended, out = {}, {}
  note_end(ended, id, u)
  dispatch(u.role, out)
  return {'closed', ended, out}
end
local solo = tonumber(u.deaths) >= QUARANTINE_DEATHS
local refused = (solo and bodies > 0) or solo_running
if refused and ARGV[6] == '1' then
  leave_window(u.role, id)
  if solo then
    wait_until_later(id, u, LONGEST_PAUSE_MS)
  else
    wait_in_lane(id, u)
  end
  local out = {'later'}
  dispatch(u.role, out)
  return out
end
if refused then return {'solo'} end

local out = take(id, u, holder)
table.insert(out, 1, 'ok')
return out
