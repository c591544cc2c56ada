-- orphan(collection_id, document, generation, chunks, dry run): what the vector store holds and
-- nobody knows goes to the garbage → 0: somebody knows it, 1: an orphan, 2: the catalogue lost it
local inc, doc, generation, chunks = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {0} end
if redis.call('SISMEMBER', K.opened(inc), doc .. ':' .. generation) == 1 then return {0} end
local current = redis.call('HGET', K.current(inc), doc)
if current then
  local g, c = string.match(current, '^(%d+):(%d+):')
  if g == generation and c ~= '0' then return {0} end
end
local member = doc .. ':' .. generation .. ':' .. chunks
if redis.call('ZSCORE', K.garbage(inc), member) then return {0} end
if not current then
  -- Never given to the garbage: a document of which nothing is known here, one whose record says
  -- that it is read, and all of a collection that once had current documents and has none. What was
  -- accepted, and never became current, is known by `newest`.
  -- But below the floor a document of which nothing is known was deleted.
  local buried = tonumber(generation) < floor_of(inc)
  if not buried and not redis.call('HGET', K.newest(inc), doc) then return {2} end
  local record = redis.call('HGET', K.documents(inc), doc)
  if record and read_record(record).generation == generation then return {2} end
  if entries_are_lost(inc) then
    redis.call('HSET', K.log_state(inc), 'entries_lost', '1')
    return {2}
  end
end
if ARGV[5] == '1' then return {1} end
into_garbage(inc, member, NOW_MS + GARBAGE_MS)
return {1}
