-- rebuild_start(collection_id, follower) → {epoch, end of the log, members of add_logged…}
local inc, follower = ARGV[1], ARGV[2]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'', ''} end
if log_is_lost(inc) then begin_log_anew(inc) end
local last = redis.call('XREVRANGE', K.log(inc), '+', '-', 'COUNT', 1)[1]
local cursor = last and last[1] or (redis.call('HGET', K.log_state(inc), 'trimmed_to') or '0-0')
-- Registered as live in the same step, so that the trim spares what comes after the cursor.
redis.call('ZADD', K.followers(inc), int(NOW_MS), follower)
redis.call('HSET', K.cursors(inc), follower, cursor)
local out = {redis.call('HGET', K.log_state(inc), 'epoch'), cursor}
for _, member in ipairs(redis.call('SMEMBERS', K.add_logged(inc))) do out[#out + 1] = member end
return out
