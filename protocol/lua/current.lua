-- current(collection_id, documents): looks once at many documents; both lists are JSON, which a
-- client packs and reads many times faster than as many strings
-- → {entries, false for none; vector index, embedder and settings of the vectors that are searched}
local wanted = cjson.decode(ARGV[2])
local entries = {}
for first = 1, #wanted, 1000 do
  local last = math.min(first + 999, #wanted)
  local part = redis.call('HMGET', K.current(ARGV[1]), unpack(wanted, first, last))
  for i = 1, #part do entries[first + i - 1] = part[i] end
end
local vectors = redis.call('HMGET', K.collection(ARGV[1]), 'edition', 'embedder', 'hnsw')
return {cjson.encode(entries), vectors[1], vectors[2], vectors[3]}
