-- agree(collection_id, embedder JSON) → {what the collection was embedded with, HNSW settings as
-- JSON or '', vector index, '1' if a reindex is under way or else ''} | {} if it is gone
-- One script: written apart from the look, a deleted collection would exist again.
local collection = K.collection(ARGV[1])
if redis.call('EXISTS', collection) == 0 then return {} end
redis.call('HSETNX', collection, 'embedder', ARGV[2])
local said = redis.call('HMGET', collection, 'embedder', 'hnsw')
local job = redis.call('GET', K.alone('reindex:' .. ARGV[1]))
return {said[1], said[2] or '', edition_of(ARGV[1]), job and is_open(job) and '1' or ''}
