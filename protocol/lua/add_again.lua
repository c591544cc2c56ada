-- add_again(collection_id, document, generation, chunks, vector index): rows of a current
-- generation are back in the vector store, and followers shall look again. One that is not current
-- any more, and whose rows were deleted meanwhile perhaps, is garbage → 0 if another vector index
-- is in use now, else 1
local inc, doc, generation, chunks, edition = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {1} end
if edition_of(inc) ~= edition then return {0} end
local current = redis.call('HGET', K.current(inc), doc)
if current and string.match(current, '^(%d+:%d+):') == generation .. ':' .. chunks then
  note_change(inc, doc, generation)
  raise_last_add(inc, append_log(inc, 'add', doc, generation, chunks))
else
  into_garbage(inc, doc .. ':' .. generation .. ':' .. chunks, NOW_MS + GARBAGE_MS)
end
return {1}
