-- standing(collection_id) → {follower, cursor, …} of every live one that keeps up; who has not
-- begun is at the start
local inc = ARGV[1]
local since = int(NOW_MS - FOLLOWER_LIVE_MS)
local out, seen = {}, {}
for _, who in ipairs({K.followers(inc), K.replicas()}) do
  for _, follower in ipairs(redis.call('ZRANGEBYSCORE', who, since, '+inf')) do
    if not seen[follower] and redis.call('SISMEMBER', K.set_aside(inc), follower) == 0 then
      seen[follower] = true
      out[#out + 1] = follower
      out[#out + 1] = redis.call('HGET', K.cursors(inc), follower) or '0-0'
    end
  end
end
return out
