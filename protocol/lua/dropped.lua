-- dropped(collection_id, document:generation:chunks): its rows are out of the vector store
local inc, member = ARGV[1], ARGV[2]
if redis.call('ZREM', K.garbage(inc), member) == 1
    and redis.call('EXISTS', K.collection(inc)) == 1 then
  local doc, generation, chunks = string.match(member, '^(.*):(%d+):(%d+)$')
  append_log(inc, 'drop', doc, generation, chunks)
end
return {1}
