-- follow(collection_id, follower, cursor or '', '1': it builds its index anew): says that a follower
-- is alive and how far it is; begins a log anew that vanished → {epoch, trimmed_to}
local inc, follower, cursor = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'', ''} end
if log_is_lost(inc) then begin_log_anew(inc) end
redis.call('ZADD', K.followers(inc), int(NOW_MS), follower)
if cursor ~= '' then redis.call('HSET', K.cursors(inc), follower, cursor) end
redis.call(ARGV[4] == '1' and 'SADD' or 'SREM', K.set_aside(inc), follower)
local said = redis.call('HMGET', K.log_state(inc), 'epoch', 'trimmed_to')
return {said[1], said[2] or '0-0'}
