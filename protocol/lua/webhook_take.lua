-- webhook_take(most, lease ms, at once, running JSON) → {{delivery, attempt, try, URL, secret, event, group} …}
-- Takes what is due, a few of each endpoint. It is due again after the lease: a sender may die.
local most, lease, at_once = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local running = cjson.decode(ARGV[4])
local LOOKED_AT, LATER_MS = 100, 1000
local taken = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', K.deliveries(), '-inf', NOW_MS, 'LIMIT', 0, LOOKED_AT)) do
  if #taken >= most then break end
  local endpoint = string.match(name, '^[^/]*')
  local d = redis.call('HMGET', K.delivery(name), 'url', 'event', 'attempts', 'tries')
  local e = redis.call('HMGET', K.webhook(endpoint), 'url', 'secret')
  local url = d[1] or e[1]
  -- The URLs of jobs are told apart by their hosts.
  local group = d[1] and string.match(d[1], '^%a+://[^/?]*') or endpoint
  if not d[2] or not url then  -- its endpoint was removed
    redis.call('ZREM', K.deliveries(), name)
    redis.call('DEL', K.delivery(name))
  elseif (running[group] or 0) >= at_once then
    -- Behind all others that are due: an endpoint that hangs holds up nobody else.
    redis.call('ZADD', K.deliveries(), int(NOW_MS + LATER_MS), name)
  else
    running[group] = (running[group] or 0) + 1
    local attempt = int(tonumber(d[3] or '0') + 1)
    local tries = int(tonumber(d[4] or '0') + 1)
    put(K.delivery(name), {attempts = attempt, tries = tries})
    redis.call('ZADD', K.deliveries(), int(NOW_MS + lease), name)
    taken[#taken + 1] = {name, attempt, tries, url, not d[1] and e[2] or '', d[2], group}
  end
end
return taken
