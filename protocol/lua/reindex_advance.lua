-- reindex_advance(unit, epoch, vector index, last document copied or '', progress JSON, document,
-- generation, and so on): what is in the new vector index now; the pairs were behind and are not
-- any more → {'ok'} | {'lost'} | {'gone'} | {'other'}
local id, epoch, edition = ARGV[1], ARGV[2], ARGV[3]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local inc = u.incarnation
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'gone'} end
local known = redis.call('HMGET', K.building(inc), 'job', 'edition')
if known[1] ~= id or known[2] ~= edition then return {'other'} end
if ARGV[4] ~= '' then redis.call('HSET', K.building(inc), 'at', ARGV[4]) end
for i = 6, #ARGV, 2 do
  -- One activated again meanwhile is behind still.
  if redis.call('HGET', K.behind(inc), ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', K.behind(inc), ARGV[i])
  end
end
-- What was copied is behind it: a worker that dies later dies of something else.
back_into_window(id, u)
forget_deaths(id)
say_progress(id, ARGV[5])
return {'ok'}
