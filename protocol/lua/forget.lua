-- forget(after, most, age ms): ended jobs are forgotten before their time, because Redis has no room
-- for new ones: the oldest first, *most* of the list that were submitted after *after*, and none
-- that ended less than *age* ago → {how many, where to go on, '' at the end of the list}
-- A large ingest goes in slices of *most* rows; its job goes with the last. One whose retry is open
-- stays: the retry takes its rows from it. So does a batch whose files are still to be made.
local after, most, age_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if after == '' then after = '0' end
local entries = redis.call('ZRANGEBYSCORE', K.jobs(), '(' .. after, '+inf', 'WITHSCORES',
  'LIMIT', 0, most)
local count, at = 0, after
for i = 1, #entries, 2 do
  local id = entries[i]
  local told = redis.call('HMGET', K.unit(id), 'state', 'finished', 'collection')
  local is_job = not told[1]
  if is_job then told = redis.call('HMGET', K.job(id), 'state', 'finished', 'collection') end
  local finished_ms = math.floor(tonumber(told[2] or '0') / 1000)
  if not told[1] then
    unlist_job(id)
  elseif FINAL[told[1]] and finished_ms <= NOW_MS - age_ms and not open_retry(id)
      and not redis.call('ZSCORE', K.unmade(), id) then
    if is_job then
      local rows = redis.call('LRANGE', K.rows(id), 0, most - 1)
      for _, row_id in ipairs(rows) do forget_row(id, row_id) end
      redis.call('LTRIM', K.rows(id), most, -1)
      if redis.call('EXISTS', K.rows(id)) == 1 then return {count, at} end
    end
    local used = redis.call('HGET', is_job and K.job(id) or K.unit(id), 'idempotency')
    if used and redis.call('HGET', K.idempotency(used), 'job') == id then
      redis.call('DEL', K.idempotency(used))  -- it would lead to a job that nobody knows
    end
    redis.call('DEL', K.unit(id), K.job(id), K.events(id))
    unlist_job(id, told[3])
    redis.call('HSET', K.room(), 'forgotten_to', entries[i + 1], 'forgotten_at', int(NOW_MS))
    tally('forgotten')
    count = count + 1
    if is_job then return {count, entries[i + 1]} end
  end
  at = entries[i + 1]
end
return {count, #entries < 2 * most and '' or at}
