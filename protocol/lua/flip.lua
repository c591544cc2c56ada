-- flip(unit, epoch, entry of its add, document JSON, fields JSON): the generation becomes what
-- people read, unless a newer one is → {outcome, messages…} | {'lost'}
-- | {'held'}: a reindex is about to end, ask again in a moment
-- | {'moved'}: it has ended, and these chunks are in vectors that nobody searches any more
local id, epoch, entry, document = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local inc, doc = u.incarnation, u.document
local out = {'cancelled'}
local function leave()
  dispatch(u.role, out)
  return out
end
if cancel_asked(u) then
  close(id, u, 'cancelled', {})
  return leave()
end
if redis.call('EXISTS', K.collection(inc)) == 0 then
  out[1] = 'failed'
  close(id, u, 'failed', {error = problem('collection_deleted', 'The collection was deleted',
    'It was deleted while this document was on its way; nothing was kept.')})
  return leave()
end
if redis.call('EXISTS', K.held(inc)) == 1 then return {'held'} end
local generation, chunks = tonumber(u.generation), tonumber(u.chunks or '0')
local cg, cc = 0, 0
local current = redis.call('HGET', K.current(inc), doc)
if current then
  local g, c = string.match(current, '^(%d+):(%d+):')
  cg, cc = tonumber(g), tonumber(c)
end
-- Without an entry, what is below the floor was deleted long ago.
if generation <= cg or (not current and generation < floor_of(inc)) then
  out[1] = 'superseded'
  close(id, u, 'succeeded', {outcome = 'superseded'})
  return leave()
end
if chunks > 0 and (u.edition or inc) ~= edition_of(inc) then return {'moved'} end
note_change(inc, doc, u.generation)
-- Else this entry would hide that the others are lost.
if not current and entries_are_lost(inc) then
  redis.call('HSET', K.log_state(inc), 'entries_lost', '1')
end
local seq = redis.call('HINCRBY', K.log_state(inc), 'seq', 1)
-- A delete leaves a tombstone, else a slow older update would be activated afterwards.
local now = current_entry(u.generation, int(chunks), seq, read_record(document).language,
  short_fingerprint(u.fingerprint))
redis.call('HSET', K.current(inc), doc, now)
local newest = redis.call('HGET', K.newest(inc), doc)
if newest and tonumber(string.match(newest, '^%d+')) <= generation then
  redis.call('HDEL', K.newest(inc), doc)
end
if entry ~= '' then raise_last_add(inc, entry) end
if cc > 0 then
  into_garbage(inc, doc .. ':' .. int(cg) .. ':' .. int(cc), NOW_MS + GARBAGE_MS)
end
local old = redis.call('HGET', K.documents(inc), doc)
if old then forget_bytes(inc, read_record(old).sha256, doc) end
local fields = cjson.decode(ARGV[5])
if chunks > 0 then
  redis.call('HSET', K.documents(inc), doc, document)
  redis.call('ZADD', K.names(inc), 0, doc)
  if u.sha256 then note_bytes(inc, u.sha256, doc) end
  out[1] = cc > 0 and 'updated' or 'created'
else
  note_delete(inc, doc, u.generation)
  redis.call('HDEL', K.documents(inc), doc)
  redis.call('ZREM', K.names(inc), doc)
  out[1] = 'removed'
end
fields.outcome = out[1]
close(id, u, 'succeeded', fields, true)
return leave()
