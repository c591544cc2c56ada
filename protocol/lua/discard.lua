-- discard(unit) → {state after the call, messages…} | {'none'}
-- Asks a unit to stop, as `cancel` does; whatever it comes to, nothing of it is kept. What has ended is
-- left as it is: see `purge`.
local id = ARGV[1]
local u = row(K.unit(id))
if not u.state then return {'none'} end
if FINAL[u.state] then return {u.state} end
u.brief = '1'
redis.call('HSET', K.unit(id), 'brief', '1')
if not ask_to_stop(id, u) then return {u.state} end
local out = {u.state}
dispatch(u.role, out)
return out
