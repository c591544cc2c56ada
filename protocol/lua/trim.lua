-- trim(collection_id): forgets what every live follower has, and what is too old or too much
local inc = ARGV[1]
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', K.followers(inc), '-inf',
    int(NOW_MS - LOG_AGE_MS))) do
  redis.call('ZREM', K.followers(inc), gone)
  redis.call('HDEL', K.cursors(inc), gone)
  redis.call('SREM', K.set_aside(inc), gone)
end
-- A replica signs here only while it has the index of this collection open; among the replicas it
-- signs always.
local upto = nil
for _, who in ipairs({K.followers(inc), K.replicas()}) do
  for _, follower in ipairs(redis.call('ZRANGEBYSCORE', who, int(NOW_MS - FOLLOWER_LIVE_MS),
      '+inf')) do
    local cursor = redis.call('HGET', K.cursors(inc), follower) or '0-0'
    if not upto or not same_or_later(cursor, upto) then upto = cursor end
  end
end
local old = int(NOW_MS - LOG_AGE_MS) .. '-0'
if not upto then upto = old end
if same_or_later(old, upto) then upto = old end
local over = redis.call('XLEN', K.log(inc)) - LOG_ENTRIES
if over > 0 then
  local entries = redis.call('XRANGE', K.log(inc), '-', '+', 'COUNT', over)
  local last = entries[#entries][1]
  if same_or_later(last, upto) then upto = last end
end
local trimmed = redis.call('HGET', K.log_state(inc), 'trimmed_to') or '0-0'
if upto == '0-0' or same_or_later(trimmed, upto) then return {0} end
-- The newest entry that goes, not *upto*: a follower that had all of a quiet log when it grew too
-- old has missed nothing. XTRIM keeps the entry at *upto* itself, which replay forgives.
local newest = redis.call('XREVRANGE', K.log(inc), '(' .. upto, '-', 'COUNT', 1)[1]
if not newest then return {0} end
redis.call('HSET', K.log_state(inc), 'trimmed_to', newest[1])
return {redis.call('XTRIM', K.log(inc), 'MINID', upto)}
