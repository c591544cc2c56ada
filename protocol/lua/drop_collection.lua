-- drop_collection(name): the name is free at once → {collection id} | {}
local inc = redis.call('HGET', K.collections(), ARGV[1])
if not inc then return {} end
drop_named(ARGV[1], inc)
return {inc}
