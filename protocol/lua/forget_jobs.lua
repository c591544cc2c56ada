-- forget_jobs(after, most, of): the lists of jobs forget those whose rows are gone; looks at *most* that
-- were submitted after *after*, and before the retention → {how many, the last looked at or ''}
-- *of* is whose lists these are: '' those of all jobs, 'NAME/' those of a tenant.
local after, most, of = ARGV[1], tonumber(ARGV[2]), ARGV[3] or ''
local before = int(NOW - RETENTION_S * 1000000)
local entries = redis.call('ZRANGEBYSCORE', of == '' and K.jobs() or K.jobs_by(of .. 'all'), '(' .. after, before, 'WITHSCORES',
  'LIMIT', 0, most)
local count = 0
for i = 1, #entries, 2 do
  local id = entries[i]
  if redis.call('EXISTS', K.unit(id), K.job(id)) == 0 then
    leave_lists(id, of)
    count = count + (of == '' and redis.call('ZREM', K.jobs(), id) or 1)
  end
end
return {count, #entries < 2 * most and '' or entries[#entries]}
