-- release(unit, epoch, at once, longest pause in ms, why it cannot be done here or '')
-- → {'ok', messages…} | {'lost'}
-- *at once* = '1': its worker stops in order, and the unit goes back to its lane unharmed. Else
-- something it needs is away: it waits for it where it is in nobody's way. What cannot be done is
-- tried a few times, since another process may be able to.
local id, epoch = ARGV[1], ARGV[2]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local out = {'ok'}
if cancel_asked(u) then  -- else it would wait for a worker only to be ended by it
  close(id, u, 'cancelled', {})
  dispatch(u.role, out)
  return out
end
local fields = {held = '0', epoch = later_epoch(u), since = int(NOW)}
if ARGV[5] ~= '' then
  fields.broken = int(tonumber(u.broken or '0') + 1)
  if tonumber(fields.broken) >= MAX_BROKEN then
    close(id, u, 'failed', {error = problem('broken', 'Given up after ' .. fields.broken
      .. ' attempts', ARGV[5])})
    dispatch(u.role, out)
    return out
  end
end
put(K.unit(id), fields)
redis.call('DEL', K.claim(id))
leave_lane(id, u)
leave_window(u.role, id)
if ARGV[3] == '1' then
  wait_in_lane(id, u)
  dispatch(u.role, out)
else
  -- Its place is filled by the dispatcher's next beat: where a store is away, none can do better.
  wait_until_later(id, u, tonumber(ARGV[4]))
end
return out
