-- reindex_abandon(collection_id): lets an unfinished vector index go whose job has ended → {1 if
-- so}
local inc = ARGV[1]
local known = redis.call('HMGET', K.building(inc), 'job', 'edition')
if not known[1] or is_open(known[1]) then return {0} end
retire(known[2])
redis.call('DEL', K.building(inc), K.behind(inc), K.held(inc))
return {1}
