-- cancel_rows(job, cursor, most) → {next cursor, messages…}
-- Asks some of a job's open rows to stop, about *most*: nobody is to wait long for Redis. A round
-- begins with the cursor '0', and has ended when that is the answer.
local scanned = redis.call('SSCAN', K.open(ARGV[1]), ARGV[2], 'COUNT', ARGV[3])
local out, roles = {scanned[1]}, {}
for _, id in ipairs(scanned[2]) do
  local u = row(K.unit(id))
  if u.state and not FINAL[u.state] and ask_to_stop(id, u) then roles[u.role] = true end
end
for role in pairs(roles) do dispatch(role, out) end
return out
