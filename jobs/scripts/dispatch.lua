-- dispatch(role, window): refills the window; window '' leaves its size → messages…
local role, window = ARGV[1], ARGV[2]
if window ~= '' then redis.call('SET', K.window(role), window) end
local out = {}
dispatch(role, out)
return out
