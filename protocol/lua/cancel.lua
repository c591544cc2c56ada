-- cancel(unit) → {state after the call, messages…} | {'none'}
local id = ARGV[1]
local u = row(K.unit(id))
if not u.state then return {'none'} end
if FINAL[u.state] then return {u.state} end
if not ask_to_stop(id, u) then return {u.state} end
local out = {u.state}
dispatch(u.role, out)
return out
