-- hand_over(unit, epoch, next stage, next role, fields JSON, event type, event data)
-- → {'ok', messages…} | {'cancelled', messages…} | {'lost'}
local id, epoch, stage, role = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local out = {}
if cancel_asked(u) then
  out[1] = 'cancelled'
  close(id, u, 'cancelled', {})
  dispatch(u.role, out)
  return out
end
-- The stage's output is written here, with the change of stage: a crash between the two would
-- start the next stage with nothing.
local fields = cjson.decode(ARGV[5])
fields.stage = stage
fields.role = role
fields.held = '0'
fields.stage_claims = '0'
fields.since = int(NOW)
fields.epoch = later_epoch(u)  -- a repeat of this very call is refused
put(K.unit(id), fields)
redis.call('DEL', K.claim(id))
redis.call('ZREM', K.inflight(u.role), id)
redis.call('HSET', K.pace(u.role), 'last_finish', int(NOW))
local old = u.role
u.role = role
wait_in_lane(id, u)
if ARGV[6] ~= '' then emit(u.job or id, ARGV[6], ARGV[7]) end
out[1] = 'ok'
dispatch(role, out)
if old ~= role then dispatch(old, out) end
return out
