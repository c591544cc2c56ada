-- reindex_begin(unit, epoch, vector index, embedder JSON, HNSW settings JSON): begins a new vector
-- index of a collection, or takes up one of the same making that was left unfinished
-- → {'ok', vector index, last document copied} | {'lost'} | {'gone'} | {'busy', job}
local id, epoch = ARGV[1], ARGV[2]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local inc = u.incarnation
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'gone'} end
local known = row(K.building(inc))
if known.job and known.job ~= id and is_open(known.job) then return {'busy', known.job} end
if known.edition and known.embedder == ARGV[4] and known.hnsw == ARGV[5] then
  -- Activations were noted all the while, so that what is there can be kept.
  redis.call('HSET', K.building(inc), 'job', id)
  return {'ok', known.edition, known.at or ''}
end
if known.edition then retire(known.edition) end
redis.call('DEL', K.building(inc), K.behind(inc), K.held(inc))
put(K.building(inc), {job = id, edition = ARGV[3], embedder = ARGV[4], hnsw = ARGV[5]})
return {'ok', ARGV[3], ''}
