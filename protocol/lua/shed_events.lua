-- shed_events(after, most): the event streams of ended jobs go before their time, of *most* that were
-- submitted after *after*: they are told from the rows → {how many, where to go on, '' at the end}
-- '' begins where streams may be left that have not gone by themselves.
local after, most = ARGV[1], tonumber(ARGV[2])
if after == '' then after = int(NOW - 2 * EVENT_RETENTION_S * 1000000) end
local entries = redis.call('ZRANGEBYSCORE', K.jobs(), '(' .. after, '+inf', 'WITHSCORES',
  'LIMIT', 0, most)
local count = 0
for i = 1, #entries, 2 do
  local id = entries[i]
  if redis.call('EXISTS', K.events(id)) == 1 then
    local state = redis.call('HGET', K.unit(id), 'state') or redis.call('HGET', K.job(id), 'state')
    if not state or FINAL[state] then count = count + redis.call('DEL', K.events(id)) end
  end
end
return {count, #entries < 2 * most and '' or entries[#entries]}
