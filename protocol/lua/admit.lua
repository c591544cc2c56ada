-- admit(key id, requests a minute or '') → {'1' | '0', how many more at once, ms until all are free}
-- Counts a request with a key by the generic cell rate algorithm (ITU-T I.371, annex A): requests are
-- due at even distances, and as many as a minute has may come ahead of time. Where there is no bound
-- the answer is {}. It also writes down, now and then, that the key was used.
local id, most = ARGV[1], tonumber(ARGV[2])
local used = redis.call('HMGET', K.api_key(id), 'created', 'used')
if used[1] and NOW - tonumber(used[2] or '0') > USED_S * 1000000 then
  redis.call('HSET', K.api_key(id), 'used', int(NOW))
end
if not most then return {} end
local step, burst = 60000 / most, 60000
local due = math.max(NOW_MS, tonumber(redis.call('GET', K.rate(id)) or '0'))
if due + step - NOW_MS > burst then
  return {'0', '0', int(math.ceil(due + step - NOW_MS - burst))}
end
due = due + step
redis.call('SET', K.rate(id), tostring(due), 'PX', int(math.ceil(due - NOW_MS)))
return {'1', int((burst - (due - NOW_MS)) / step), int(math.ceil(due - NOW_MS))}
