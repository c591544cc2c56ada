-- agree(incarnation, embedder JSON) → {what the collection was embedded with, HNSW settings as JSON
-- or ''} | {} if it is gone
-- One script: written apart from the look, a deleted collection would exist again.
local collection = K.collection(ARGV[1])
if redis.call('EXISTS', collection) == 0 then return {} end
redis.call('HSETNX', collection, 'embedder', ARGV[2])
local said = redis.call('HMGET', collection, 'embedder', 'hnsw')
return {said[1], said[2] or ''}
