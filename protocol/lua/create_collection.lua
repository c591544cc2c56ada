-- create_collection(name, collection_id, fields JSON, store JSON or '') → {'new' | 'old', collection id}
-- *store* is what a vector store of `/v1` is kept with.
local known = redis.call('HGET', K.collections(), ARGV[1])
if known then return {'old', known} end
redis.call('HSET', K.collections(), ARGV[1], ARGV[2])
put(K.collection(ARGV[2]), cjson.decode(ARGV[3]))
redis.call('HSET', K.collection(ARGV[2]), 'created', int(NOW))
redis.call('HSET', K.log_state(ARGV[2]), 'epoch', int(NOW))
if (ARGV[4] or '') ~= '' then
  put(K.store(ARGV[2]), cjson.decode(ARGV[4]))
  redis.call('HSET', K.store(ARGV[2]), 'active', int(NOW))
end
redis.call('XADD', K.news(), 'MAXLEN', '~', 1000, '*', 'made', ARGV[2])
return {'new', ARGV[2]}
