-- cancel(unit) → {state after the call, messages…} | {'none'}
local id = ARGV[1]
local u = row(K.unit(id))
if not u.state then return {'none'} end
if FINAL[u.state] then return {u.state} end
redis.call('HSET', K.unit(id), 'cancel', '1')
if redis.call('EXISTS', K.claim(id)) == 0 then
  local out = {'cancelled'}
  close(id, u, 'cancelled', {})
  dispatch(u.role, out)
  return out
end
redis.call('PUBLISH', K.CANCEL, id)
return {u.state}
