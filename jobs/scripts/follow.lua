-- follow(incarnation, follower, cursor or '', log epoch): says that a follower is alive and how
-- far it is; makes the log's epoch if it has none → {epoch, trimmed_to}
local inc, follower, cursor = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'', ''} end
redis.call('HSETNX', K.log_state(inc), 'epoch', int(NOW))
redis.call('ZADD', K.followers(inc), int(NOW_MS), follower)
if cursor ~= '' then redis.call('HSET', K.cursors(inc), follower, cursor) end
local said = redis.call('HMGET', K.log_state(inc), 'epoch', 'trimmed_to')
return {said[1], said[2] or '0-0'}
