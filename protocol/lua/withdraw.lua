-- withdraw(collection_id, document, generation, chunks): a document that cannot be made whole is
-- not read any more, as after a delete; the same file ingested again is news → 1 if it was read
local inc, doc, generation, chunks = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local current = redis.call('HGET', K.current(inc), doc)
if not current or string.match(current, '^(%d+:%d+):') ~= generation .. ':' .. chunks then
  return {0}
end
local seq = redis.call('HINCRBY', K.log_state(inc), 'seq', 1)
redis.call('HSET', K.current(inc), doc, generation .. ':0:' .. int(seq))
note_change(inc, doc, generation)
into_garbage(inc, doc .. ':' .. generation .. ':' .. chunks, NOW_MS + GARBAGE_MS)
local record = redis.call('HGET', K.documents(inc), doc)
if record then
  local sha256 = cjson.decode(record).sha256
  if sha256 and redis.call('HGET', K.contents(inc), sha256) == doc then
    redis.call('HDEL', K.contents(inc), sha256)
  end
end
redis.call('HDEL', K.documents(inc), doc)
redis.call('ZREM', K.names(inc), doc)
return {1}
