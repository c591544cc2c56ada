-- hand_over(unit, epoch, next stage, next role, fields JSON, event type, event data, '1': stay)
-- → {'ok', messages…} | {'on', new epoch, messages…} | {'cancelled', messages…} | {'lost'}
-- With *stay* the body goes on with the next stage at once, unless an interactive unit waits for it
-- or the next stage is a long one: those take a place that is counted.
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
local next_stage = {stage = stage, size = u.size, chunks = fields.chunks or u.chunks}
local stays = ARGV[8] == '1' and not is_long(next_stage) and (u.owner == 'interactive'
  or redis.call('EXISTS', K.lane(role, 'interactive')) == 0)
fields.stage = stage
fields.role = role
fields.held = '0'
fields.stage_claims = '0'
fields.put_back = '0'
fields.since = int(NOW)
fields.epoch = later_epoch(u)  -- a repeat of this very call is refused
if stays then
  fields.held = '1'
  fields.counted = '0'
  fields.stage_claims = '1'
  fields.claimed = int(NOW)
end
put(K.unit(id), fields)
if u.deaths ~= '0' then  -- they were of a stage that it has passed
  leave_lane(id, u)
  forget_deaths(id)
  u.deaths = '0'
end
leave_window(u.role, id)
redis.call('HSET', K.pace(u.role), 'last_finish', int(NOW))
local old = u.role
u.role, u.stage, u.chunks, u.put_back = role, stage, next_stage.chunks, '0'
if ARGV[6] ~= '' and not u.job then emit(id, ARGV[6], ARGV[7]) end
if stays then
  if not u.job then emit(id, 'stage', '{"stage":"' .. stage .. '"}') end
  redis.call('SET', K.claim(id), fields.epoch, 'PX', CLAIM_MS)
  into_batch(role, id)
  out[1], out[2] = 'on', fields.epoch
else
  redis.call('DEL', K.claim(id))
  wait_in_lane(id, u)
  out[1] = 'ok'
  dispatch(role, out)
end
if old ~= role then dispatch(old, out) end
return out
