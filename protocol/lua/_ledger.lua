-- Shared by every script: the clock, rows, events, the window, and the two moves that end a unit.
-- Numbers above 2^53 never occur: microseconds since 1970 stay below it until the year 2255.

local function now_us()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local NOW = now_us()
local NOW_MS = math.floor(NOW / 1000)

local function int(n) return string.format('%.0f', n) end

local FINAL = {succeeded = true, partial = true, failed = true, cancelled = true, expired = true}

local function row(key)
  local flat = redis.call('HGETALL', key)
  local r = {}
  for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
  return r
end

-- Kinds of what is asked and answered in one call: in no list, and of no interest afterwards.
local PASSING = {search = true, embedding = true}

-- Whether nobody comes back to a unit once the call that waits for it has read what became of it: one
-- of such a kind, or a question whose asker wants nothing of it kept. Rows of a job stay with it.
local function is_brief(u) return not u.job and (PASSING[u.kind] or u.brief == '1') end

local function put(key, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  if #flat > 0 then redis.call('HSET', key, unpack(flat)) end
end

local function same_or_later(a, b)  -- stream ids "ms-n"
  local am, an = string.match(a, '^(%d+)-?(%d*)$')
  local bm, bn = string.match(b, '^(%d+)-?(%d*)$')
  am, bm = tonumber(am), tonumber(bm)
  an, bn = tonumber(an) or 0, tonumber(bn) or 0
  return am > bm or (am == bm and an >= bn)
end

-- Rows of a job are also asked to stop by their job: its flag is there before theirs are.
local function cancel_asked(u)
  return u.cancel == '1' or (u.job and redis.call('HGET', K.job(u.job), 'cancel') == '1')
end

-- Events ------------------------------------------------------------------------------------

-- A stream takes a KB from its first event on, and nobody reads those of most jobs. Only an
-- interactive question has one from its submission; any other unit or job when somebody listens,
-- see `listen`. What has none is told from its row.
local function has_reader(job)
  return redis.call('EXISTS', K.events(job)) == 1
end

local function begin_events(job, kind, data)
  redis.call('XADD', K.events(job), '*', 't', kind, 'd', data)
end

-- Adds an event where there is a stream; false where there is none.
local function append(job, kind, data)
  return redis.call('XADD', K.events(job), 'NOMKSTREAM', 'MAXLEN', '~', 20000, '*',
    't', kind, 'd', data)
end

local function emit(job, kind, data)
  if append(job, kind, data) then redis.call('PUBLISH', K.WAKE, job) end
end

-- The last event, for which more than readers of events wait; answers with its id, which stands in
-- the row for who reads the events once the stream is gone, or was never there.
local function emit_done(job, state)
  local entry = append(job, 'done', '{"state":"' .. state .. '"}')
  redis.call('PUBLISH', K.WAKE, job)
  return entry or int(NOW_MS) .. '-0'
end

-- How far a job is: *over* of its rows have ended. What a reader missed is in the next one's
-- counts: a short stream is enough. A list of questions is as long as it was accepted.
local function emit_progress(job, told)
  local j = redis.call('HMGET', K.job(job), 'total', 'done', 'failed', 'cancelled', 'expired',
    'kind', 'fill_total')
  told.done = 0
  for i = 2, 5 do told.done = told.done + tonumber(j[i] or '0') end
  told.total, told.unit = tonumber(j[1] or '0'), 'documents'
  if j[6] == 'questions' then told.total, told.unit = tonumber(j[7]), 'questions' end
  redis.call('XADD', K.events(job), 'MAXLEN', '~', PROGRESS_EVENTS, '*', 't', 'progress',
    'd', cjson.encode(told))
  redis.call('PUBLISH', K.WAKE, job)
end

-- Memory ------------------------------------------------------------------------------------

-- What an open unit may still take stands in its row, and the sum for all of them in `room`: no more
-- is admitted than Redis has room for once all of it has ended.
local function nothing_is_open()
  for _, class in ipairs({'interactive', 'batch', 'ingest'}) do
    if redis.call('EXISTS', K.deadlines(class)) == 1 then return false end
  end
  return true
end

-- Whether work of so many bytes that may grow by *growth* fits. *bound* is what may be taken and
-- promised, of all that was admitted since the first; '' where Redis has no bound of its own.
local function fits(bytes, growth, bound)
  if bound == '' then return true end
  local said = redis.call('HMGET', K.room(), 'reserved', 'admitted')
  local reserved = tonumber(said[1] or '0')
  if reserved ~= 0 and nothing_is_open() then  -- a sum that lost a part is right from here on
    redis.call('HSET', K.room(), 'reserved', '0')
    reserved = 0
  end
  return reserved + tonumber(said[2] or '0') + bytes + growth <= tonumber(bound)
end

local function reserve(bytes, growth)
  redis.call('HINCRBY', K.room(), 'reserved', growth)
  redis.call('HINCRBY', K.room(), 'admitted', bytes)
end

-- What an ended unit may have taken, it has taken.
local function free_room(id, u)
  if not u.room then return end
  redis.call('HINCRBY', K.room(), 'reserved', '-' .. u.room)
  redis.call('HDEL', K.unit(id), 'room')
end

-- The window --------------------------------------------------------------------------------

-- Roles whose bodies share their threads and may last for minutes, each with the other one.
local SIBLING = {ingest = 'embed', embed = 'ingest'}

-- Whether a unit's body holds its thread for long: a large file to parse, a long text to embed, a
-- whole collection.
local function is_long(u)
  if u.stage == 'parse' then return tonumber(u.size or '0') > LONG_BYTES end
  if u.stage == 'publish' then return tonumber(u.chunks or '0') > LONG_CHUNKS end
  return u.stage == 'reindex' or u.stage == 'check' or u.stage == 'drop'
end

-- Long documents wait in lanes of their own beside their owner's: they hold up no short one.
local function long_lanes(role) return role .. '+' end

local function lanes_of(u)
  local document = u.stage == 'parse' or u.stage == 'publish'
  if document and u.owner ~= 'interactive' and is_long(u) then return long_lanes(u.role) end
  return u.role
end

-- Whose lane a unit waits in. An interactive one that was put back again and again takes turns
-- with the jobs: many of them, each going first, would let nothing else run.
-- So does what workers died over: in each new worker it would go first, alone, and nothing else
-- would run where workers are killed as fast as they come.
local function owner_of(u)
  if tonumber(u.deaths or '0') >= QUARANTINE_DEATHS then return 'suspects' end
  if u.owner == 'interactive' and tonumber(u.put_back or '0') >= PUT_BACK_FIRST then
    return 'put_back'
  end
  return u.owner
end

local function wait_in_lane(id, u)
  local lanes, owner = lanes_of(u), owner_of(u)
  redis.call('ZADD', K.lane(lanes, owner), u.created, id)
  if not redis.call('ZSCORE', K.owners(lanes), owner) then
    redis.call('ZADD', K.owners(lanes), redis.call('INCR', K.turns(u.role)), owner)
  end
end

local function leave_lane(id, u)
  local owner = owner_of(u)
  for _, lanes in ipairs({u.role, long_lanes(u.role)}) do
    if redis.call('ZREM', K.lane(lanes, owner), id) == 1
        and redis.call('EXISTS', K.lane(lanes, owner)) == 0 then
      redis.call('ZREM', K.owners(lanes), owner)
    end
  end
  redis.call('ZREM', K.later(u.role), id)
end

-- Where a unit stands in its lane, how many interactive ones go before any other, and the mean time
-- of a body, microseconds; '' for what there is none of.
local function place_of(id, role, owner)
  return redis.call('ZRANK', K.lane(role, owner), id) or '',
    redis.call('ZCARD', K.lane(role, 'interactive')),
    redis.call('HGET', K.pace(role), 'mean_us') or ''
end

-- A unit that is put back waits outside its lane: twice as long each time, until its stage changes.
local function wait_until_later(id, u, longest_ms)
  local times = tonumber(u.put_back or '0')
  local pause_ms = math.min(longest_ms, PAUSE_MS * 2 ^ math.min(times, 20))
  u.put_back = int(times + 1)
  redis.call('HSET', K.unit(id), 'put_back', u.put_back)
  redis.call('ZADD', K.later(u.role), int(NOW_MS + pause_ms), id)
end

-- Units whose pause is over go back to their lanes; some at a time, so that no script takes long.
local function end_pauses(role)
  local due = redis.call('ZRANGEBYSCORE', K.later(role), '-inf', int(NOW_MS), 'LIMIT', 0, 50)
  for _, id in ipairs(due) do
    redis.call('ZREM', K.later(role), id)
    local said = redis.call('HMGET', K.unit(id), 'state', 'stage', 'role', 'owner', 'created',
      'size', 'chunks', 'put_back', 'deaths')
    if said[1] and not FINAL[said[1]] then
      wait_in_lane(id, {stage = said[2], role = said[3], owner = said[4], created = said[5],
        size = said[6] or nil, chunks = said[7] or nil, put_back = said[8] or nil,
        deaths = said[9] or nil})
    end
  end
end

-- The owner whose turn it is in these lanes, its first unit, and the turn; nil where nothing waits.
local function first_owner(lanes)
  while true do
    local owner, turn = unpack(redis.call('ZRANGE', K.owners(lanes), 0, 0, 'WITHSCORES'))
    if not owner then return nil end
    local id = redis.call('ZRANGE', K.lane(lanes, owner), 0, 0)[1]
    if id then return owner, id, tonumber(turn) end
    redis.call('ZREM', K.owners(lanes), owner)
  end
end

-- Whether a long body may begin: they leave one thread to the short ones.
local function room_for_long()
  local limit = redis.call('GET', K.long_window())
  return not limit or redis.call('SCARD', K.long()) < tonumber(limit)
end

-- The unit whose turn it is, its owner, and its lanes: interactive first, then each owner (a job
-- is one) in its turn. Else nil.
local function next_up(role, batch_too, long_too)
  local id = redis.call('ZRANGE', K.lane(role, 'interactive'), 0, 0)[1]
  if id then return id, 'interactive', role end
  if not batch_too then return nil end
  local owner, short, turn = first_owner(role)
  if long_too and SIBLING[role] then
    local other, long, its_turn = first_owner(long_lanes(role))
    if long and (not short or its_turn < turn) and room_for_long() then
      return long, other, long_lanes(role)
    end
  end
  return short, owner, role
end

-- Takes a unit out of its lane; who owns it has had its turn.
local function out_of_lane(role, owner, id, lanes)
  redis.call('ZREM', K.lane(lanes, owner), id)
  if redis.call('EXISTS', K.lane(lanes, owner)) == 0 then
    redis.call('ZREM', K.owners(lanes), owner)
  else
    redis.call('ZADD', K.owners(lanes), redis.call('INCR', K.turns(role)), owner)
  end
end

-- A unit that a body took along takes no place: no message of it is on its way.
local function into_batch(role, id)
  redis.call('ZADD', K.inflight(role), NOW_MS + CLAIM_MS, id)
  redis.call('SADD', K.company(role), id)
end

local function leave_window(role, id)
  redis.call('ZREM', K.inflight(role), id)
  redis.call('SREM', K.company(role), id)
  redis.call('SREM', K.long(), id)
end

-- A body that slept through the end of its claim is at work yet: its unit waits for nobody else.
local function back_into_window(id, u)
  if redis.call('ZSCORE', K.inflight(u.role), id) then return end
  leave_lane(id, u)
  redis.call('ZADD', K.inflight(u.role), int(NOW_MS + CLAIM_MS), id)
end

-- Moves waiting units into the window while there is room; interactive first, then by turns. What
-- is not interactive has a smaller window where workers reserve threads.
-- Appends (id, stage, priority, traceparent) of each to *out*: the caller sends the messages.
local function fill(role, out)
  local limit = tonumber(redis.call('GET', K.window(role)) or '16')
  local batch_limit = tonumber(redis.call('GET', K.batch_window(role)) or limit)
  local taken = redis.call('ZCARD', K.inflight(role)) - redis.call('SCARD', K.company(role))
  while taken < limit do
    local id, owner, lanes = next_up(role, taken < batch_limit, true)
    if not id then return end
    out_of_lane(role, owner, id, lanes)
    local said = redis.call('HMGET', K.unit(id), 'stage', 'priority', 'traceparent', 'size', 'chunks')
    if said[1] then
      redis.call('ZADD', K.inflight(role), NOW_MS + FIRST_CHECK_MS, id)
      taken = taken + 1
      redis.call('HSET', K.unit(id), 'backoff', FIRST_CHECK_MS)
      if is_long({stage = said[1], size = said[4] or nil, chunks = said[5] or nil}) then
        redis.call('SADD', K.long(), id)
      end
      out[#out + 1] = id
      out[#out + 1] = said[1]
      out[#out + 1] = said[2]
      out[#out + 1] = said[3] or ''
    end
  end
end

-- Fills a role's window; and first, where long units wait, that of the role which shares its
-- threads: what one of them ended may be what a long one there was waiting for.
local function dispatch(role, out)
  end_pauses(role)
  local other = SIBLING[role]
  if other and redis.call('EXISTS', K.owners(long_lanes(other))) == 1 and room_for_long() then
    fill(other, out)
  end
  fill(role, out)
end

-- Documents ---------------------------------------------------------------------------------

-- A document's entry: its current generation and what stands with it. The fingerprint is here once
-- the newest accepted generation is the current one; until then that is in `newest`.
local function current_entry(generation, chunks, seq, language, fingerprint)
  local entry = generation .. ':' .. chunks .. ':' .. int(seq)
  if language == '' and fingerprint == '' then return entry end
  return entry .. ':' .. language .. (fingerprint ~= '' and ':' .. fingerprint or '')
end

local function short_fingerprint(fingerprint)
  return string.sub(fingerprint or '', 1, FINGERPRINT_DIGITS)
end

-- The same bytes sent again are no `unchanged` of this generation.
local function forget_fingerprint(inc, doc, generation)
  local current = redis.call('HGET', K.current(inc), doc)
  if current and string.match(current, '^%d+') == generation then
    local bare = string.gsub(current, '^(%d+:%d+:%d+:[^:]*):%x*$', '%1')
    redis.call('HSET', K.current(inc), doc, bare)
  end
  local newest = redis.call('HGET', K.newest(inc), doc)
  if newest and string.match(newest, '^%d+') == generation then
    redis.call('HSET', K.newest(inc), doc, generation .. ':')
  end
end

-- What scripts need of a record: a list, see corpus/catalogue/records.py; earlier builds wrote an
-- object.
local function read_record(text)
  local kept = cjson.decode(text)
  local function word(value) return type(value) == 'string' and value or '' end
  return {
    generation = int(tonumber(kept[1] or kept.generation) or 0),
    sha256 = word(kept[2] or kept.sha256),
    language = word(kept[4] or kept.language),
  }
end

-- 132 bits of a SHA-256, in hexadecimal digits or in base64, as 22 letters of base64: three digits
-- are two letters.
local BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
local function short_hash(sha256)
  if #sha256 == 43 then return string.sub(sha256, 1, 22) end
  if #sha256 ~= 64 then return sha256 end
  return (string.gsub(string.sub(sha256, 1, 33), '...', function(digits)
    local bits = tonumber(digits, 16)
    local high, low = math.floor(bits / 64) + 1, bits % 64 + 1
    return string.sub(BASE64, high, high) .. string.sub(BASE64, low, low)
  end))
end

-- A SHA-256 in hexadecimal digits, which is in them or in base64.
local function whole_hash(sha256)
  if #sha256 ~= 43 then return sha256 end
  local function bits(letter) return (string.find(BASE64, letter, 1, true) or 1) - 1 end
  local digits = string.gsub(string.sub(sha256, 1, 42), '(.)(.)', function(high, low)
    return string.format('%03x', bits(high) * 64 + bits(low))
  end)
  return digits .. string.format('%x', math.floor(bits(string.sub(sha256, 43)) / 4))
end

-- Which bytes became which document: the first hash of a collection is called `first`, the next 16
-- by the first letter of what is in them, then 256 by the first two, and so on: see BY_HASH_FIELDS.
-- How many letters there are by now is in the first one too.
local function by_hash_place(hash)
  return (string.gsub(string.sub(hash, 1, BY_HASH_LETTERS), '.', function(letter)
    return string.format('%x', (string.find(BASE64, letter, 1, true) or 1) % 16)
  end))
end

local function by_hash_at(inc, place, letters)
  return K.by_hash(inc, letters == 0 and 'first' or string.sub(place, 1, letters))
end

local function by_hash_letters(inc)
  return tonumber(redis.call('HGET', K.by_hash(inc, 'first'), '') or '0')
end

-- The document that bytes became, and the key that says so; nil where they became none. Documents
-- that earlier builds made current are in `contents`, until they are replaced.
local function find_bytes(inc, sha256)
  if sha256 == '' then return nil end
  local hash = short_hash(sha256)
  local place = by_hash_place(hash)
  for letters = 0, by_hash_letters(inc) do
    local at = by_hash_at(inc, place, letters)
    local doc = redis.call('HGET', at, hash)
    if doc then return doc, at, hash end
  end
  local whole = whole_hash(sha256)
  local doc = redis.call('HGET', K.contents(inc), whole)
  if doc then return doc, K.contents(inc), whole end
end

-- Bytes become a document, after they were those of another perhaps.
local function note_bytes(inc, sha256, doc)
  local _, at, field = find_bytes(inc, sha256)
  if at == K.contents(inc) then
    redis.call('HDEL', at, field)
  elseif at then
    return redis.call('HSET', at, field, doc)
  end
  local hash, deepest = short_hash(sha256), by_hash_letters(inc)
  local place, letters = by_hash_place(hash), 0
  while letters < BY_HASH_LETTERS
      and redis.call('HLEN', by_hash_at(inc, place, letters)) >= BY_HASH_FIELDS do
    letters = letters + 1
  end
  redis.call('HSET', by_hash_at(inc, place, letters), hash, doc)
  if letters > deepest then redis.call('HSET', K.by_hash(inc, 'first'), '', letters) end
end

local function forget_bytes(inc, sha256, doc)
  local known, at, field = find_bytes(inc, sha256)
  if known == doc then redis.call('HDEL', at, field) end
end

-- Whether anything but its entries says that a collection has had documents.
local function had_documents(inc)
  return redis.call('EXISTS', K.newest(inc), K.documents(inc), K.names(inc),
    K.by_hash(inc, 'first')) > 0
end

-- The change log ----------------------------------------------------------------------------

-- A log that vanished, or whose state did, begins anew under another epoch: what it had told is
-- not known any more, so every follower rebuilds. Its first entry says nothing; it is there to be
-- reached. *seq* goes on above all that was ever given, else readers would see an activation
-- everywhere.
local function log_is_lost(inc)
  local said = redis.call('HMGET', K.log_state(inc), 'epoch', 'tail', 'last_add')
  if not said[1] then return true end
  return (said[2] or said[3]) and redis.call('EXISTS', K.log(inc)) == 0
end

local function begin_log_anew(inc)
  local state = K.log_state(inc)
  local old = tonumber(redis.call('HGET', state, 'epoch') or '0')
  redis.call('HSET', state, 'epoch', int(math.max(old + 1, NOW)))
  redis.call('HDEL', state, 'trimmed_to')
  local entry = redis.call('XADD', K.log(inc), '*', 'op', 'drop', 'document', '', 'generation', '0',
    'chunks', '0')
  redis.call('HSET', state, 'tail', entry)
  if redis.call('HLEN', K.current(inc)) > 0 then
    redis.call('HSETNX', state, 'seq', int(NOW))
    redis.call('HSET', state, 'last_add', entry)
  elseif old == 0 and (had_documents(inc)
      or redis.call('HEXISTS', K.collection(inc), 'embedder') == 1) then  -- see orphan
    redis.call('HSET', state, 'entries_lost', '1')
  end
end

local function append_log(inc, op, doc, generation, chunks)
  if log_is_lost(inc) then begin_log_anew(inc) end
  local entry = redis.call('XADD', K.log(inc), '*', 'op', op, 'document', doc,
    'generation', generation, 'chunks', chunks)
  redis.call('HSET', K.log_state(inc), 'tail', entry)
  return entry
end

local function raise_last_add(inc, entry)
  local last = redis.call('HGET', K.log_state(inc), 'last_add')
  if not last or same_or_later(entry, last) then
    redis.call('HSET', K.log_state(inc), 'last_add', entry)
  end
end

-- The list of jobs --------------------------------------------------------------------------

-- Most jobs are questions that succeeded. What is rare among them has lists of its own, so that a
-- page of it need not look at a million others.
local USUAL_STATE, USUAL_KIND = 'succeeded', 'query'
local RARE = {'open', 'partial', 'failed', 'cancelled', 'expired', 'ingest', 'delete',
  'delete_collection', 'reindex', 'check', 'given_up', 'questions'}

-- A tenant has lists of its own of what is rare, and one of all its jobs: the names of all begin with
-- its own, see protocol/names.py. Those of `default` begin with nothing.
local function whose(collection)
  return collection and string.match(collection, '^.*/') or ''
end

local function list_job(id, kind, collection)
  local of = whose(collection)
  redis.call('ZADD', K.jobs(), int(NOW), id)
  redis.call('SET', K.jobs_by_from(), int(NOW), 'NX')
  redis.call('ZADD', K.jobs_by(of .. 'open'), int(NOW), id)
  if kind ~= USUAL_KIND then redis.call('ZADD', K.jobs_by(of .. kind), int(NOW), id) end
  if of ~= '' then
    redis.call('ZADD', K.jobs_by(of .. 'all'), int(NOW), id)
    redis.call('SADD', K.tenants(), string.sub(of, 1, -2))
  end
end

local function list_end(id, state, created, collection)
  local of = whose(collection)
  redis.call('ZREM', K.jobs_by(of .. 'open'), id)
  if state ~= USUAL_STATE then redis.call('ZADD', K.jobs_by(of .. state), created, id) end
end

-- A unit was given up: its job is found by that, also where others of its rows go on.
local function list_given_up(id, u)
  local created, collection = u.created, u.collection
  if u.job then
    local j = redis.call('HMGET', K.job(u.job), 'created', 'collection')
    created, collection = j[1], j[2]
    redis.call('HINCRBY', K.job(u.job), 'given_up', 1)
  end
  if created then
    redis.call('ZADD', K.jobs_by(whose(collection) .. 'given_up'), created, u.job or id)
  end
end

local function leave_lists(id, of)
  for _, what in ipairs(RARE) do redis.call('ZREM', K.jobs_by(of .. what), id) end
  if of ~= '' then redis.call('ZREM', K.jobs_by(of .. 'all'), id) end
end

-- Returns 1 where the job was listed. The lists of a tenant forget it too, where its *collection* is
-- known; else `forget_jobs` looks through them.
local function unlist_job(id, collection)
  leave_lists(id, whose(collection))
  return redis.call('ZREM', K.jobs(), id)
end

-- Counters ----------------------------------------------------------------------------------

-- What /metrics tells of jobs, counted where it happens: once, whoever ends a job. The time a job
-- took goes into the bucket of the first bound, 10 ms times a power of 2, that is not below it; the
-- bounds are those of `quern_job_duration_seconds` in runtime/metrics/families.py.
local function tally(name)
  redis.call('HINCRBY', K.tallies(), name, 1)
end

local function tally_end(kind, state, created)
  local took = math.max(0, NOW - tonumber(created or int(NOW)))
  local bound, bucket = 10000, 0
  while took > bound and bucket < 15 do
    bound, bucket = bound * 2, bucket + 1
  end
  tally('finished:' .. kind .. ':' .. (state == 'succeeded' and 'ok' or state))
  tally('took:' .. kind .. ':' .. bucket)
  redis.call('HINCRBY', K.tallies(), 'took_us:' .. kind, int(took))
end

-- What keys spend ---------------------------------------------------------------------------

-- A key's spending is kept by the day, of Redis' clock and UTC, and as a sum since it was made.
local DAY_US = 86400000000

local function spent_today(by)
  return K.spent(by, int(math.floor(NOW / DAY_US)))
end

-- {'overspent', what, how much of it a day has, seconds left of the day} where the key *by* may not
-- spend *n* more of *what*, or has spent its tokens; else nil.
local function overspent(by, what, n)
  if not by then return nil end
  local most = redis.call('HMGET', K.api_key(by), what .. '_per_day', 'tokens_per_day')
  if not most[1] and not most[2] then return nil end
  local spent = redis.call('HMGET', spent_today(by), what, 'tokens')
  local left_s = int(math.ceil((DAY_US - NOW % DAY_US) / 1000000))
  if most[1] and tonumber(spent[1] or '0') + n > tonumber(most[1]) then
    return {'overspent', what, most[1], left_s}
  elseif most[2] and tonumber(spent[2] or '0') >= tonumber(most[2]) then
    return {'overspent', 'tokens', most[2], left_s}
  end
  return nil
end

local function spend(by, what, n)
  if not by or n == 0 then return end
  redis.call('HINCRBY', spent_today(by), what, int(n))
  redis.call('EXPIRE', spent_today(by), SPENT_S)
  redis.call('HINCRBY', K.spent(by, 'all'), what, int(n))
end

-- Ends --------------------------------------------------------------------------------------

local function into_garbage(inc, member, due)
  redis.call('ZADD', K.garbage(inc), due, member)
end

-- Files of vector stores --------------------------------------------------------------------

-- A file that is attached to a collection is a document of it, called by the file's id. `attached`
-- has the unit that makes the document, the file's size and what is told of it, and one of the sets
-- `attached_in` has the file, by its state: what counts them is the size of each set.
local ATTACHED = {'in_progress', 'completed', 'failed', 'cancelled'}

local function attached_state(inc, file)
  for _, state in ipairs(ATTACHED) do
    if redis.call('ZSCORE', K.attached_in(inc, state), file) then return state end
  end
end

-- The unit of an attached file, its size, and what is told of it; nil where it is not attached.
local function attached_entry(inc, file)
  local kept = redis.call('HGET', K.attached(inc), file)
  if kept then return string.match(kept, '^(%S+) (%d+) (.*)$') end
end

-- Takes an attached file out of the set of its state.
local function leave_attached(inc, file, size)
  local from = attached_state(inc, file)
  if not from then return end
  redis.call('ZREM', K.attached_in(inc, from), file)
  if from == 'completed' then redis.call('DECRBY', K.attached_bytes(inc), size) end
end

local function move_attached(inc, file, size, to)
  local at = redis.call('ZSCORE', K.attached_in(inc, 'all'), file)
  leave_attached(inc, file, size)
  redis.call('ZADD', K.attached_in(inc, to), at, file)
  if to == 'completed' then redis.call('INCRBY', K.attached_bytes(inc), size) end
end

local function attached_failed(inc, file, size, error)
  move_attached(inc, file, size, 'failed')
  redis.call('HSET', K.attached_errors(inc), file, error)
end

-- Attaches the file of a row, with what the row tells of it. A row that *renews* what another unit made
-- is false where the file was detached, or attached anew, since that was read; where it is a document,
-- file and state stay as they are until the row's own generation is the current one. A row that is
-- refused from the first takes no file from the unit that has made its document, or is at it.
local function attach(inc, id, r)
  local unit, size = attached_entry(inc, r.document)
  if r.renews and r.renews ~= unit then return false end
  local state = unit and attached_state(inc, r.document)
  if (r.renews or r.rejected) and state == 'completed' or r.rejected and state == 'in_progress' then
    r.renews = unit
    return true
  end
  r.renews = nil
  if unit then leave_attached(inc, r.document, size) end
  redis.call('HSET', K.attached(inc), r.document, id .. ' ' .. r.size .. ' ' .. r.attached)
  redis.call('HDEL', K.attached_errors(inc), r.document)
  redis.call('ZADD', K.attached_in(inc, 'all'), r.created, r.document)
  redis.call('ZADD', K.attached_in(inc, 'in_progress'), r.created, r.document)
  r.attached = '1'
  return true
end

-- A store that is asked, or given documents, by whatever way lasts from now on.
local function note_use(inc)
  if redis.call('EXISTS', K.store(inc)) == 1 then
    redis.call('HSET', K.store(inc), 'active', int(NOW))
  end
end

-- Detaches a file; answers with the unit that makes its document, nil where it was not attached.
local function detach(inc, file)
  local unit, size = attached_entry(inc, file)
  if not unit then return nil end
  leave_attached(inc, file, size)
  redis.call('ZREM', K.attached_in(inc, 'all'), file)
  redis.call('HDEL', K.attached(inc), file)
  redis.call('HDEL', K.attached_errors(inc), file)
  return unit
end

-- What an ended row is to the file that it was to attach.
local function attached_end(state, outcome)
  if state == 'cancelled' then return 'cancelled' end
  return state == 'succeeded' and outcome ~= 'empty' and 'completed' or 'failed'
end

-- Ends the attachment of a row's file, unless it was detached or attached anew since; the row is
-- counted in its job, a batch of files, in any case.
local function end_attached(id, u, fields, became_current)
  local inc, file = u.incarnation, u.document
  redis.call('HINCRBY', K.job(u.job), 'attached_' .. fields.attached_end, 1)
  local unit, size = attached_entry(inc, file)
  if u.renews then
    if unit == u.renews and became_current then
      redis.call('HSET', K.attached(inc), file, unit .. ' ' .. size .. ' ' .. u.attached)
    end
  elseif unit == id and fields.attached_end == 'failed' then
    attached_failed(inc, file, size, fields.error
      or cjson.encode({type = 'no_text', detail = fields.note or 'There is no text in it.'}))
  elseif unit == id then
    move_attached(inc, file, size, fields.attached_end)
  end
end

-- Webhooks ----------------------------------------------------------------------------------

-- Records that *event* is to be sent to an endpoint, or to the URL of a job.
local function deliver(endpoint, message, event, url)
  local name = endpoint .. '/' .. message
  put(K.delivery(name), {event = cjson.encode(event), url = url, state = 'due', made = int(NOW)})
  redis.call('ZADD', K.deliveries(), int(NOW_MS), name)
end

-- What OpenAI calls the end of a job, which it knows as a batch or a response; nil for any other.
local function openai_event(id, j, state)
  if j.batch then
    local late = tonumber(j.expired or '0') > 0 or tonumber(j.total) < tonumber(j.fill_total)
    return 'batch.' .. (j.error and 'failed' or j.cancel == '1' and 'cancelled'
      or late and 'expired' or 'completed')
  elseif j.response and not is_brief(j) then
    if state == 'cancelled' then return 'response.cancelled' end
    if state ~= 'succeeded' then return 'response.failed' end
    return redis.call('HGET', K.unit(id), 'cut') and 'response.incomplete' or 'response.completed'
  end
end

-- Records who is to hear that a job ended, in the script that ends it: so it is told once at least,
-- whatever dies. The message is called by the job, which ends once. Who speaks as OpenAI does hears
-- of a batch once its *files* are there.
local function announce(id, j, state, files)
  if PASSING[j.kind] then return end
  local endpoints = redis.call('ZRANGE', K.webhooks(), 0, -1)
  if #endpoints == 0 and not j.webhook_url then return end
  if redis.call('ZCARD', K.deliveries()) >= WEBHOOK_MOST_DUE then
    redis.call('HSET', K.tallies(), 'webhooks_dropped_at', int(NOW_MS))
    return tally('webhooks_dropped')
  end
  local event = {type = 'job.' .. state, at = int(NOW), id = id, kind = j.kind, state = state,
    collection = j.collection, created = j.created}
  if j.webhook_url and not files then deliver('jobs', 'msg_' .. id, event, j.webhook_url) end
  local waits = j.batch and not j.error and not files
  for _, endpoint in ipairs(endpoints) do
    local e = redis.call('HMGET', K.webhook(endpoint), 'disabled', 'tenant', 'form')
    local of = (e[2] or '') == '' and '' or e[2] .. '/'  -- those of earlier builds do not tell
    if not e[1] and of == whose(j.collection) then
      local is_openai = e[3] == 'openai'
      event.openai = is_openai and not waits and openai_event(id, j, state) or nil
      if event.openai or not (is_openai or files) then
        deliver(endpoint, 'msg_' .. id, event)
      end
    end
  end
end

-- A caller's key leads to its job: it is not kept for longer.
local function forget_key_with(id, u)
  local key = u.idempotency and K.idempotency(u.idempotency)
  if key and redis.call('HGET', key, 'job') == id and redis.call('TTL', key) > RETENTION_S then
    redis.call('EXPIRE', key, RETENTION_S)
  end
end

local function end_job(job)
  if redis.call('SCARD', K.open(job)) > 0 then return end  -- first: each end of a row asks
  local key = K.job(job)
  local j = row(key)
  if not j.state or FINAL[j.state] or j.sealed ~= '1' then return end
  local total = tonumber(j.total or '0')
  local failed = tonumber(j.failed or '0')
  local expired = tonumber(j.expired or '0')
  local stopped = tonumber(j.cancelled or '0') + expired
  local good = total - failed - stopped
  -- Questions of a list that was cancelled, or late as a whole, before they had rows.
  local unmade = j.kind == 'questions' and tonumber(j.fill_total) - total or 0
  if j.cancel ~= '1' then expired = expired + unmade end
  stopped = stopped + unmade
  local state = 'succeeded'
  if j.error then state = 'failed'  -- nothing of it was accepted
  elseif j.cancel == '1' and (stopped > 0 or total == 0) then state = 'cancelled'
  elseif expired > 0 and good == 0 then state = 'expired'
  elseif failed + stopped > 0 then state = good > 0 and 'partial' or 'failed' end
  put(key, {state = state, finished = int(NOW)})
  redis.call('ZREM', K.deadlines('job'), job)
  redis.call('ZREM', K.stopping(), job)
  forget_key_with(job, j)
  redis.call('EXPIRE', key, RETENTION_S)
  redis.call('EXPIRE', K.rows(job), RETENTION_S)
  redis.call('EXPIRE', K.events(job), EVENT_RETENTION_S)
  list_end(job, state, j.created, j.collection)
  tally_end(j.kind, state, j.created)
  announce(job, j, state)
  if j.batch and not j.error then redis.call('ZADD', K.unmade(), int(NOW_MS), job) end
  redis.call('HSET', key, 'last_event', emit_done(job, state))
end

-- Failures that say nothing of a file's bytes; with any other the same bytes would fail again.
local NOT_THE_FILES_FAULT = {
  internal = true, broken = true, no_vector = true, embedder_mismatch = true, duplicate = true, collection_deleted = true,
}

-- The archive -------------------------------------------------------------------------------

-- What a job's archived rows are called in its hashes: their ids without the job's.
local function row_name(job, id)
  if string.sub(id, 1, #job + 1) == job .. ':' then return string.sub(id, #job + 2) end
  return id
end

-- The first archived rows of a job are in one hash, the next in 16 by the last digit of their names,
-- then in 256 by the last two, and so on: see ARCHIVED_FIELDS.
local function archived_at(job, name, digits)
  return K.archived(job, digits > 0 and string.sub(name, -digits) or 'first')
end

-- What is kept of an archived row, the hash it is in, and its name there; nil where there is none.
local function find_archived(job, id)
  local name = row_name(job, id)
  for digits = 0, ARCHIVED_DIGITS do
    local at = archived_at(job, name, digits)
    local kept = redis.call('HGET', at, name)
    if kept then return kept, at, name end
  end
end

-- Forgets a job's row, wherever it lies; answers with its pointer where that was the archive.
local function forget_row(job, id)
  redis.call('ZREM', K.ended(), id)
  if redis.call('DEL', K.unit(id)) == 1 then return nil end
  local kept, at, name = find_archived(job, id)
  if not kept then return nil end
  redis.call('HDEL', at, name)
  return string.sub(kept, 2)  -- after the letter of its state
end

-- Remembers which bytes gave no document, so that a folder's next round need not send them again.
local function note_barren(u, state, fields, became_current)
  local barren = fields.outcome == 'empty'
  if state == 'failed' and fields.error then
    barren = not NOT_THE_FILES_FAULT[string.match(fields.error, '"type":"([%w_]*)"') or '']
  end
  if barren and u.sha256 and redis.call('EXISTS', K.collection(u.incarnation)) == 1 then
    redis.call('HSET', K.barren(u.incarnation), u.document, u.sha256 .. ':' .. (u.made_by or ''))
  elseif became_current then
    redis.call('HDEL', K.barren(u.incarnation), u.document)
  end
end

-- Counts an ended row of a job, a document or a question of a list, and tells who reads.
local function count_row(u, state, outcome)
  local counted = 'done'
  if state == 'failed' or state == 'cancelled' or state == 'expired' then counted = state end
  redis.call('HINCRBY', K.job(u.job), counted, 1)
  local told = {document_id = u.document, state = state, outcome = outcome}
  if u.question_id then
    tally('question:' .. (u.lost and 'lost' or state == 'succeeded' and 'ok' or state))
    told = {n = tonumber(u.n) + 1, id = u.question_id, state = state}
  else
    tally('document:' .. (u.lost and 'lost' or outcome or state))
  end
  if has_reader(u.job) then emit_progress(u.job, told) end
end

-- Ends a unit, once. *became_current* tells that its generation is the one people read now.
local function close(id, u, state, fields, became_current)
  if FINAL[u.state] then return false end
  fields.state = state
  fields.finished = int(NOW)
  fields.held = '0'
  if u.attached then fields.attached_end = attached_end(state, fields.outcome) end
  put(K.unit(id), fields)
  u.state = state
  free_room(id, u)
  redis.call('DEL', K.claim(id))
  leave_lane(id, u)
  leave_window(u.role, id)
  redis.call('ZREM', K.deadlines(u.class), id)
  redis.call('HSET', K.pace(u.role), 'last_finish', int(NOW))
  if not is_brief(u) then
    redis.call('ZADD', K.ended(), int(NOW_MS), id)
    if u.lost then list_given_up(id, u) end
  end
  if u.generation then
    redis.call('SREM', K.opened(u.incarnation), u.document .. ':' .. u.generation)
    note_barren(u, state, fields, became_current)
    local chunks = tonumber(u.chunks or '0')
    if chunks > 0 then
      local member = u.document .. ':' .. u.generation .. ':' .. u.chunks
      redis.call('SREM', K.add_logged(u.incarnation), member)
      if not became_current then into_garbage(u.incarnation, member, NOW_MS + GARBAGE_MS) end
    end
  end
  if u.job then
    -- Counted from the job's deadline, so that no row is forgotten before its job.
    local deadline = redis.call('HGET', K.job(u.job), 'deadline') or u.deadline
    redis.call('PEXPIREAT', K.unit(id),
      int(math.max(NOW_MS, tonumber(deadline)) + RETENTION_S * 1000))
    redis.call('SREM', K.open(u.job), id)
    if u.attached then end_attached(id, u, fields, became_current) end
    count_row(u, state, fields.outcome)
    end_job(u.job)
  else
    redis.call('DEL', K.readers(id))
    -- A search is read at once, by the call that waits for it; kept like a question, its results
    -- would fill the queue's memory.
    local brief = is_brief(u)
    forget_key_with(id, u)
    if not brief then
      list_end(id, state, u.created, u.collection)
    elseif not PASSING[u.kind] then
      unlist_job(id, u.collection)
    end
    redis.call('EXPIRE', K.unit(id), brief and SEARCH_RETENTION_S or RETENTION_S)
    tally_end(u.kind, u.lost and 'lost' or state, u.created)
    announce(id, u, state)
    redis.call('HSET', K.unit(id), 'last_event', emit_done(id, state))
    redis.call('EXPIRE', K.events(id), brief and SEARCH_RETENTION_S or EVENT_RETENTION_S)
  end
  return true
end

-- Asks a unit to stop that has not ended: at once where it waits, else its worker is told. Tells
-- whether it has ended, and left its place to others.
local function ask_to_stop(id, u)
  redis.call('HSET', K.unit(id), 'cancel', '1')
  if redis.call('EXISTS', K.claim(id)) == 0 then return close(id, u, 'cancelled', {}) end
  redis.call('PUBLISH', K.CANCEL, id)
  return false
end

local function problem(kind, title, detail)
  return cjson.encode({type = kind, title = title, detail = detail})
end

-- The process that held a claim, out of its holder's name `role/host/…/claim`, and its kind.
local function process_of(holder)
  local name = string.match(holder, '^(.*)/[^/]*$') or holder
  return name, string.match(name, '^[^/]*')
end

-- The chance that a worker dies by something else within the time that this one ran: what died
-- lately of the same kind, without *own* deaths, for each process that is alive, as a Poisson process.
-- Of a storm that has just begun the last minute tells most; of quiet times, the guess of one in two
-- hours.
local function chance_of_death(kind, own, claimed)
  local soon, later = 0, 0
  local fallen = redis.call('ZRANGEBYSCORE', K.fallen(), NOW_MS - FALLEN_MS, '+inf', 'WITHSCORES')
  for i = 1, #fallen, 2 do
    local _, its_kind = process_of(fallen[i] .. '/')
    if its_kind == kind and not own[fallen[i]] then
      later = later + 1
      if tonumber(fallen[i + 1]) > NOW_MS - 60000 then soon = soon + 1 end
    end
  end
  local alive = 0
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', K.workers(), NOW / 1e6 - WORKER_LIVE_S, '+inf')) do
    local _, its_kind = process_of(name .. '/')
    if its_kind == kind then alive = alive + 1 end
  end
  local a_second = math.max(soon / 60, later * 1000 / FALLEN_MS + .5 / 3600) / math.max(alive, 1)
  -- The claim lives for CLAIM_MS after the last renewal, and the worker for less than RENEW_S.
  local ran_ms = math.max(NOW_MS - claimed / 1000 - CLAIM_MS, 0) + RENEW_S * 1000
  return 1 - math.exp(-a_second * ran_ms / 1000)
end

-- A death is counted once per epoch, and not while Redis was away: nobody could renew then. The
-- second look is for a claim that comes before the first sweep after such a time. A death alone is
-- evidence, the more so the less workers die of other things: *chance* is the product of what each
-- had, a test martingale under "it is innocent" (Ville, 1939).
local function count_lapse(id, u)
  if u.held ~= '1' or redis.call('EXISTS', K.claim(id)) == 1 then return end
  if redis.call('EXISTS', K.quiet()) == 1 then return end
  local last = tonumber(redis.call('HGET', K.watch(), 'last') or '0')
  if NOW_MS - last > SWEEP_GAP_MS then return end
  local process, kind = process_of(u.holder or '')
  redis.call('ZADD', K.fallen(), 'NX', int(NOW_MS), process)
  redis.call('ZREMRANGEBYSCORE', K.fallen(), '-inf', int(NOW_MS - FALLEN_MS))
  redis.call('PEXPIRE', K.fallen(), FALLEN_MS)
  local fields = {held = '0', counted = '1', buried = process}
  if tonumber(u.deaths or '0') > 0 then fields.buried = (u.buried or '') .. ' ' .. process end
  if tonumber(u.deaths or '0') >= QUARANTINE_DEATHS then
    local own = {}
    for name in string.gmatch(fields.buried, '%S+') do own[name] = true end
    fields.chance_before = u.chance or '1'
    fields.chance = string.format('%.3g', tonumber(fields.chance_before)
      * chance_of_death(kind, own, tonumber(u.claimed or int(NOW))))
  end
  fields.deaths = int(tonumber(u.deaths or '0') + 1)
  for name, value in pairs(fields) do u[name] = value end
  put(K.unit(id), fields)
end

-- What it did meanwhile proves that it kills nobody.
local function forget_deaths(id)
  redis.call('HSET', K.unit(id), 'deaths', '0')
  redis.call('HDEL', K.unit(id), 'chance', 'chance_before', 'buried')
end

-- Workers died over it alone so often, and so little else kills them, that it is the reason.
local function is_deadly(u)
  local deaths = tonumber(u.deaths or '0')
  return deaths >= MOST_DEATHS or (deaths >= MAX_DEATHS and tonumber(u.chance or '0') <= CHANCE)
end

-- The three reasons to end a unit that nobody is alive on.
local function close_if_over(id, u)
  if is_deadly(u) then
    u.lost = true
    return close(id, u, 'failed', {error = problem('too_many_attempts', 'Given up after '
      .. u.deaths .. ' attempts', 'The worker running this died each time; the input may be '
      .. 'what kills it. Look at the worker log, then retry the job.')})
  elseif cancel_asked(u) then
    return close(id, u, 'cancelled', {})
  elseif NOW_MS > tonumber(u.deadline) then
    return close(id, u, 'expired', {error = problem('deadline', 'Past its deadline',
      'It was not finished in time; submit it again, perhaps with a longer deadline_s.')})
  end
  return false
end

-- For the log: a unit that was ended without anybody who could tell.
local function note_end(ended, id, u)
  for _, told in ipairs({id, u.state, u.job or '', u.document or '', u.request_id or ''}) do
    ended[#ended + 1] = told
  end
end

local function fenced(u, epoch)
  return u.state and not FINAL[u.state] and u.epoch == epoch
end

local function later_epoch(u)
  return int(math.max(tonumber(u.epoch or '0') + 1, NOW))
end

-- A unit's row as its body reads it. What a job says of all its documents is kept in the job alone;
-- only rows of earlier builds have a copy, in `metadata`.
-- *now* goes along: a worker whose clock is wrong must not take a unit for late.
local function whole_row(id, u)
  local flat = redis.call('HGETALL', K.unit(id))
  flat[#flat + 1] = 'now'
  flat[#flat + 1] = int(NOW_MS)
  local of_all = u.job and not u.metadata and redis.call('HGET', K.job(u.job), 'metadata')
  if of_all then
    flat[#flat + 1] = 'job_metadata'
    flat[#flat + 1] = of_all
  end
  return flat
end

-- What the row of every unit tells at first; rows of one request wait by *created*.
local function begin_row(r, created, deadline)
  r.state = 'queued'
  r.created = int(created)
  r.since = int(NOW)
  r.deadline = int(deadline)
  r.epoch = '0'
  r.held = '0'
  r.deaths = '0'
end

-- Takes a unit for the stage that *holder* will run; answers with its row.
local function take(id, u, holder)
  local claims = tonumber(u.stage_claims or '0') + 1
  local fields = {
    epoch = later_epoch(u), held = '1', counted = '0', holder = holder, state = 'running',
    backoff = FIRST_CHECK_MS,  -- a worker takes messages again: one that dies is soon found
    stage_claims = tostring(claims), claimed = int(NOW),
    waited = int(tonumber(u.waited or '0') + NOW - tonumber(u.since or int(NOW))),
  }
  if not u.started then fields.started = int(NOW) end
  put(K.unit(id), fields)
  redis.call('SET', K.claim(id), fields.epoch, 'PX', CLAIM_MS)
  if u.job then
    if redis.call('HGET', K.job(u.job), 'state') == 'queued' then
      put(K.job(u.job), {state = 'running', started = int(NOW)})
      emit(u.job, 'state', '{"state":"running"}')
    end
  else
    if u.state == 'queued' then emit(id, 'state', '{"state":"running"}') end
    if claims > 1 then emit(id, 'reset', '{"attempt":' .. claims .. '}') end
    emit(id, 'stage', '{"stage":"' .. u.stage .. '"}')
  end
  return whole_row(id, u)
end

-- How far a long body is, for who looks at the job or listens to it.
local function say_progress(id, said)
  redis.call('HSET', K.unit(id), 'progress', said)
  emit(id, 'progress', said)
end

-- A delete leaves a tombstone: where documents were activated and no entry is left, all were lost.
local function entries_are_lost(inc)
  local said = redis.call('HMGET', K.log_state(inc), 'entries_lost', 'seq')
  if said[1] == '1' then return true end
  return tonumber(said[2] or '0') > 0 and redis.call('HLEN', K.current(inc)) == 0
end

-- Tombstones older than this generation end: of a document without an entry nothing below is read or
-- restored any more. No generation below it is given, and none of an open row is.
local function floor_of(inc)
  return tonumber(redis.call('HGET', K.log_state(inc), 'floor') or '0')
end

-- Vector indexes ----------------------------------------------------------------------------------

local function is_open(id)
  local state = redis.call('HGET', K.unit(id), 'state')
  return state and not FINAL[state]
end

-- The vectors that people search today; before its first reindex a collection's own name.
local function edition_of(inc)
  return redis.call('HGET', K.collection(inc), 'edition') or inc
end

-- Every change of what is current is noted while a vector index is built, which may have been given
-- another generation, or none at all.
local function note_change(inc, doc, generation)
  if redis.call('EXISTS', K.building(inc)) == 1 then
    redis.call('HSET', K.behind(inc), doc, generation)
  end
end

-- A document that cannot be made whole is not read any more, as after a delete; the same file
-- ingested again is news. Returns whether it was read.
local function withdraw(inc, doc, generation, chunks)
  local current = redis.call('HGET', K.current(inc), doc)
  if not current or string.match(current, '^(%d+:%d+):') ~= generation .. ':' .. chunks then
    return false
  end
  local seq = redis.call('HINCRBY', K.log_state(inc), 'seq', 1)
  redis.call('HSET', K.current(inc), doc, current_entry(generation, '0', seq, '', ''))
  note_change(inc, doc, generation)
  into_garbage(inc, doc .. ':' .. generation .. ':' .. chunks, NOW_MS + GARBAGE_MS)
  local record = redis.call('HGET', K.documents(inc), doc)
  if record then forget_bytes(inc, read_record(record).sha256, doc) end
  redis.call('HDEL', K.documents(inc), doc)
  redis.call('ZREM', K.names(inc), doc)
  local unit, size = attached_entry(inc, doc)
  if unit and attached_state(inc, doc) == 'completed' then
    attached_failed(inc, doc, size, cjson.encode({type = 'lost',
      detail = 'What was kept of it was lost; attach it again.'}))
  end
  return true
end

-- Answers show no quotes of what was deleted on purpose, also once the document has come again: its
-- tombstone is gone then. So this is kept for as long as an answer may be that was begun before.
local function note_delete(inc, doc, generation)
  local seconds = RETENTION_S + DELETED_COLLECTION_S
  local over = int(NOW - seconds * 1000000)
  local key = K.deleted(inc)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', over, 'LIMIT', 0, 10)) do
    redis.call('ZREM', key, old)
  end
  redis.call('ZADD', key, generation, doc)
  redis.call('EXPIRE', key, int(seconds))
end

-- Nobody begins to read or write a vector index from here on; the garbage collector drops it after
-- a while.
local function retire(edition)
  redis.call('ZADD', K.retired(), int(NOW_MS), edition)
end

-- Frees a collection's name; the garbage collector clears what is left until nobody can write into
-- it any more.
local function drop_named(name, inc)
  redis.call('HDEL', K.collections(), name)
  for _, edition in ipairs({edition_of(inc), redis.call('HGET', K.building(inc), 'edition') or inc}) do
    if edition ~= inc then retire(edition) end
  end
  redis.call('DEL', K.collection(inc))
  redis.call('ZADD', K.graves(), int(NOW_MS), inc)
end

-- Requests that come again -------------------------------------------------------------------

-- What a request with a caller's key is answered that came before; nil where it is the first, or
-- where its job was forgotten before its time: it would lead to nothing.
local function answered_before(key, body)
  if key == '' then return nil end
  local known = redis.call('HMGET', K.idempotency(key), 'job', 'body')
  if not known[1] then return nil end
  if redis.call('EXISTS', K.unit(known[1]), K.job(known[1])) == 0 then return nil end
  if known[2] == body then return {'same', known[1]} end
  return {'conflict'}
end

local function keep_key(key, body, seconds, job)
  if key == '' then return end
  put(K.idempotency(key), {job = job, body = body})
  redis.call('EXPIRE', K.idempotency(key), seconds)
end

-- The retry of a job that has not ended: one at a time, else a lost answer would double the work.
local function open_retry(old)
  local id = old and redis.call('GET', K.retried(old))
  local state = id and (redis.call('HGET', K.unit(id), 'state')
    or redis.call('HGET', K.job(id), 'state'))
  return state and not FINAL[state] and id or nil
end

-- What a retry of *old* is answered while another one is open; nil where none is. Its key, which
-- leads to the other one, may be forgotten early: that is found without it for as long as it is open.
local function retried_before(old, key, body, seconds)
  local other = open_retry(old)
  if not other then return nil end
  keep_key(key, body, math.min(tonumber(seconds), RETENTION_S), other)
  return {'same', other}
end

-- What a request is answered that brings nothing new: its key came before, or it retries *old* and
-- another retry of that is open; nil for any other.
local function asked_before(old, key, body, seconds)
  return answered_before(key, body) or retried_before(old, key, body, seconds)
end

local function note_retry(old, id)
  redis.call('SET', K.retried(old), id, 'EX', RETENTION_S)
end

-- Jobs of many rows ----------------------------------------------------------------------------

local function begin_job(job, fields)
  fields.state = 'queued'
  fields.created = int(NOW)
  fields.deadline = int(NOW_MS + tonumber(fields.deadline_ms))
  fields.total = '0'
  fields.sealed = '0'
  put(K.job(job), fields)
  list_job(job, fields.kind, fields.collection)
  tally('submitted:' .. fields.kind)
  redis.call('ZADD', K.deadlines('job'), fields.deadline, job)
end

-- How long after it was accepted a row of a job is late, milliseconds. Jobs of earlier builds say
-- only when they themselves are.
local function patience_of(j)
  return tonumber(j.deadline_ms) or tonumber(j.deadline) - math.floor(tonumber(j.created) / 1000)
end

-- A job is late when its newest row is, or when none has come for as long.
local function prolong(job, j)
  local deadline = NOW_MS + patience_of(j)
  if deadline <= tonumber(j.deadline) then return end
  redis.call('HSET', K.job(job), 'deadline', int(deadline), 'deadline_ms', int(patience_of(j)))
  redis.call('ZADD', K.deadlines('job'), int(deadline), job)
end

-- Records a job that gets its rows slice by slice, and is *among* those that wait for it.
local function begin_filling(job, fields, among)
  if fields.retry_of then note_retry(fields.retry_of, job) end
  fields.filling = '1'
  fields.fill_at = '0'
  begin_job(job, fields)
  redis.call('ZADD', among, int(NOW_MS), job)
end

-- A job that is being filled takes its rows from another one, or from a list of questions.
local function end_filling(job)
  redis.call('HDEL', K.job(job), 'filling')
  redis.call('ZREM', K.filling(), job)
  redis.call('ZREM', K.asking(), job)
end

-- No rows come to a job any more; without open ones it ends.
local function seal_job(job)
  redis.call('HSET', K.job(job), 'sealed', '1')
  end_job(job)
end
