-- cancel_rows(job, cursor, most) → {next cursor, rows looked at, messages…}
-- Asks some of a job's open rows to stop, about *most*: nobody is to wait long for Redis. A round
-- begins with the cursor '0', and has ended when that is the answer. Those that are claimed end when
-- their workers hear of it: until then the job is one of `stopping`.
local job = ARGV[1]
local state = redis.call('HGET', K.job(job), 'state')
if not state or FINAL[state] then
  redis.call('ZREM', K.stopping(), job)
  return {'0', '0'}
end
redis.call('ZADD', K.stopping(), 'XX', int(NOW_MS), job)  -- others have their turns first
local scanned = redis.call('SSCAN', K.open(job), ARGV[2], 'COUNT', ARGV[3])
local out, roles = {scanned[1], int(#scanned[2])}, {}
for _, id in ipairs(scanned[2]) do
  local u = row(K.unit(id))
  if u.state and not FINAL[u.state] and ask_to_stop(id, u) then roles[u.role] = true end
end
for role in pairs(roles) do dispatch(role, out) end
return out
