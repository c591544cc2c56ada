-- drop_collection(name): the name is free at once → {incarnation} | {}
local inc = redis.call('HGET', K.collections(), ARGV[1])
if not inc then return {} end
redis.call('HDEL', K.collections(), ARGV[1])
redis.call('DEL', K.collection(inc))
return {inc}
