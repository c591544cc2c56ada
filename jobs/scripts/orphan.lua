-- orphan(incarnation, document, generation, chunks): what the vector store holds and nobody
-- knows goes to the garbage → 1 if so
local inc, doc, generation, chunks = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('SISMEMBER', K.opened(inc), doc .. ':' .. generation) == 1 then return {0} end
local current = redis.call('HGET', K.current(inc), doc)
if current and string.match(current, '^(%d+):') == generation then return {0} end
local member = doc .. ':' .. generation .. ':' .. chunks
if redis.call('ZSCORE', K.garbage(inc), member) then return {0} end
into_garbage(inc, member, NOW_MS + GARBAGE_MS)
return {1}
