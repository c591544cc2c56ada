-- dispatch(role, window, batch window, long window): refills the window; window '' leaves the sizes,
-- batch window '' makes it the same, long window '' leaves that of all roles → messages…
local role, window, batch_window = ARGV[1], ARGV[2], ARGV[3]
if window ~= '' then
  redis.call('SET', K.window(role), window)
  if batch_window == '' then
    redis.call('DEL', K.batch_window(role))
  else
    redis.call('SET', K.batch_window(role), batch_window)
  end
end
if ARGV[4] ~= '' then redis.call('SET', K.long_window(), ARGV[4]) end
local out = {}
dispatch(role, out)
return out
