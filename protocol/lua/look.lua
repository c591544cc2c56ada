-- look(id) → {{a unit's row}, {a job's row}, {place}, retry, now in ms}: what is shown of a job, in
-- one trip
-- Only a unit that has not ended has a place (see `place_of`), and only what has ended a newest retry;
-- what there is none of is empty.
local id = ARGV[1]
local unit = redis.call('HGETALL', K.unit(id))
local function retry() return redis.call('GET', K.retried(id)) or '' end
if #unit == 0 then return {{}, redis.call('HGETALL', K.job(id)), {}, retry(), NOW_MS} end
local said = redis.call('HMGET', K.unit(id), 'state', 'role', 'owner')
if not said[2] or FINAL[said[1]] then return {unit, {}, {}, retry(), NOW_MS} end
return {unit, {}, {place_of(id, said[2], said[3])}, '', NOW_MS}
