-- release(unit, epoch): given back unharmed (SIGTERM, a store that is away) → {'ok', messages…} | {'lost'}
local id, epoch = ARGV[1], ARGV[2]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local out = {'ok'}
if cancel_asked(u) then  -- else it would wait for a worker only to be ended by it
  close(id, u, 'cancelled', {})
  dispatch(u.role, out)
  return out
end
put(K.unit(id), {held = '0', epoch = later_epoch(u), since = int(NOW)})
redis.call('DEL', K.claim(id))
leave_window(u.role, id)
wait_in_lane(id, u)
-- ARGV[3] = '1' sends it again at once; else the dispatcher's next beat does, as a pause.
if ARGV[3] == '1' then dispatch(u.role, out) end
return out
