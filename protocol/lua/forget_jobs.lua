-- forget_jobs(after, most): the list of jobs forgets those whose rows are gone; it looks at *most*
-- that were submitted after *after*, and before the retention → {how many, the last looked at or ''}
local after, most = ARGV[1], tonumber(ARGV[2])
local before = int(NOW - RETENTION_S * 1000000)
local entries = redis.call('ZRANGEBYSCORE', K.jobs(), '(' .. after, before, 'WITHSCORES',
  'LIMIT', 0, most)
local count = 0
for i = 1, #entries, 2 do
  local id = entries[i]
  if redis.call('EXISTS', K.unit(id), K.job(id)) == 0 then
    count = count + unlist_job(id)
  end
end
return {count, #entries < 2 * most and '' or entries[#entries]}
