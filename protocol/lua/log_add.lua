-- log_add(unit, epoch, vector index that has the chunks or '') → {'ok', entry} | {'lost'} |
-- {'gone'}
local id, epoch = ARGV[1], ARGV[2]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
if redis.call('EXISTS', K.collection(u.incarnation)) == 0 then return {'gone'} end
if ARGV[3] ~= '' then redis.call('HSET', K.unit(id), 'edition', ARGV[3]) end
local entry = append_log(u.incarnation, 'add', u.document, u.generation, u.chunks)
redis.call('SADD', K.add_logged(u.incarnation),
  u.document .. ':' .. u.generation .. ':' .. u.chunks)
return {'ok', entry}
