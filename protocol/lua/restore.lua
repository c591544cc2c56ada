-- restore(collection_id, document, generation, chunks, record JSON): the catalogue's entry of a
-- document that it lost; its record is replaced too, for one that names other blobs → 1 if so
local inc, doc, generation, chunks, record = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {0} end
if redis.call('ZSCORE', K.garbage(inc), doc .. ':' .. generation .. ':' .. chunks) then
  return {0}
end
local current = redis.call('HGET', K.current(inc), doc)
if current then
  local g, c = string.match(current, '^(%d+):(%d+):')
  if g ~= generation or c ~= chunks then return {0} end
else
  if redis.call('SISMEMBER', K.opened(inc), doc .. ':' .. generation) == 1 then return {0} end
  -- Deleted long ago, see orphan: its tombstone ended since somebody looked.
  if tonumber(generation) < floor_of(inc) and not entries_are_lost(inc)
      and redis.call('HEXISTS', K.documents(inc), doc) == 0 then
    return {0}
  end
  if log_is_lost(inc) then begin_log_anew(inc) end
  if entries_are_lost(inc) then redis.call('HSET', K.log_state(inc), 'entries_lost', '1') end
  local seq = redis.call('HINCRBY', K.log_state(inc), 'seq', 1)
  local language = read_record(record).language
  redis.call('HSET', K.current(inc), doc, current_entry(generation, chunks, seq, language, ''))
  note_change(inc, doc, generation)
  raise_last_add(inc, append_log(inc, 'add', doc, generation, chunks))
end
local old = redis.call('HGET', K.documents(inc), doc)
if old then forget_bytes(inc, read_record(old).sha256, doc) end
redis.call('HSET', K.documents(inc), doc, record)
redis.call('ZADD', K.names(inc), 0, doc)
local sha256 = read_record(record).sha256
if sha256 == '' then
  -- Made of its rows: the same file sent again brings what is missing, so it is no `unchanged`.
  forget_fingerprint(inc, doc, generation)
elseif not find_bytes(inc, sha256) then
  note_bytes(inc, sha256, doc)
end
return {1}
