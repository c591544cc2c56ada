-- reindex_swap(unit, epoch, vector index, hold for ms or 0, fields JSON, document, generation,
-- chunks, and so on): the new vector index is what people search from here on, if it lacks nothing
-- but the generations named, which are withdrawn; else activations may be made to wait while it
-- catches up → {'ok' | 'cancelled', messages…} | {'behind', how many} | {'lost'} | {'gone'} |
-- {'other'} | {'entries lost'}: what the catalogue lost is in the vectors in use only
local id, epoch, edition, hold_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local inc = u.incarnation
local out = {'cancelled'}
if cancel_asked(u) then
  close(id, u, 'cancelled', {})
  dispatch(u.role, out)
  return out
end
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'gone'} end
local known = row(K.building(inc))
if known.job ~= id or known.edition ~= edition then return {'other'} end
local behind = redis.call('HLEN', K.behind(inc))
if behind > 0 then
  if hold_ms > 0 then redis.call('SET', K.held(inc), id, 'PX', hold_ms, 'NX') end
  return {'behind', tostring(behind)}
end
if entries_are_lost(inc) then return {'entries lost'} end
retire(edition_of(inc))
if redis.call('HGET', K.collection(inc), 'embedder') ~= known.embedder then
  -- Replicas keep vectors too: under another epoch of the log each builds its index anew.
  local old = tonumber(redis.call('HGET', K.log_state(inc), 'epoch') or '0')
  redis.call('HSET', K.log_state(inc), 'epoch', int(math.max(old + 1, NOW)))
  redis.call('XADD', K.news(), 'MAXLEN', '~', 1000, '*', 'made', inc)
end
redis.call('HSET', K.collection(inc), 'edition', edition, 'embedder', known.embedder,
  'hnsw', known.hnsw)
redis.call('DEL', K.building(inc), K.behind(inc), K.held(inc))
for i = 6, #ARGV, 3 do withdraw(inc, ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
out[1] = 'ok'
close(id, u, #ARGV > 5 and 'partial' or 'succeeded', cjson.decode(ARGV[5]))
dispatch(u.role, out)
return out
