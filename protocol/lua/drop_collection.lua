-- drop_collection(name): the name is free at once; the garbage collector clears what is left until
-- nobody can write into it any more → {collection id} | {}
local inc = redis.call('HGET', K.collections(), ARGV[1])
if not inc then return {} end
redis.call('HDEL', K.collections(), ARGV[1])
for _, edition in ipairs({edition_of(inc), redis.call('HGET', K.building(inc), 'edition') or inc}) do
  if edition ~= inc then retire(edition) end
end
redis.call('DEL', K.collection(inc))
redis.call('ZADD', K.graves(), int(NOW_MS), inc)
return {inc}
