-- progress(unit, epoch, progress JSON, where its next body goes on or ''): how far a body is
-- → {'ok'} | {'lost'}
local id, epoch, said, at = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
if at ~= '' and at ~= u.at then
  -- What was looked at is behind it: a worker that dies later dies of something else.
  back_into_window(id, u)
  redis.call('HSET', K.unit(id), 'at', at, 'deaths', '0')
end
say_progress(id, said)
return {'ok'}
