-- sweep(role, most, someone consumes, Redis' run id, Redis was away)
-- → {{id, state, job, document, request of each unit ended…}, {messages…}}
local role, most, consumed, run_id = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local away = ARGV[5] == '1'
-- The rescuer says itself that it could not reach Redis. That nobody swept proves nothing: the
-- rescuer may be what a poison job kills, and its deaths would never be counted.
local known = redis.call('HGET', K.watch(), 'run_id')
if away or (known and known ~= run_id) then
  redis.call('SET', K.quiet(), '1', 'PX', QUIET_MS)
end
redis.call('HSET', K.watch(), 'last', int(NOW_MS), 'run_id', run_id)
local ended, out = {}, {}
local due = redis.call('ZRANGEBYSCORE', K.inflight(role), '-inf', int(NOW_MS), 'LIMIT', 0, most)
for _, id in ipairs(due) do
  local u = row(K.unit(id))
  if not u.state or FINAL[u.state] then
    leave_window(role, id)
  elseif redis.call('EXISTS', K.claim(id)) == 1 then
    redis.call('ZADD', K.inflight(role), int(NOW_MS + CLAIM_MS / 2), id)
  else
    local deaths = u.deaths
    count_lapse(id, u)
    if close_if_over(id, u) then
      note_end(ended, id, u)
    elseif u.deaths ~= deaths and tonumber(u.deaths) >= QUARANTINE_DEATHS then
      leave_window(role, id)
      wait_until_later(id, u, SERVER_PAUSE_MS)
    else
      local backoff = tonumber(u.backoff or FIRST_CHECK_MS)
      if consumed then
        backoff = math.min(backoff * 2, LAST_CHECK_MS)
        out[#out + 1] = id
        out[#out + 1] = u.stage
        out[#out + 1] = u.priority
        out[#out + 1] = u.traceparent or ''
        redis.call('HSET', K.unit(id), 'backoff', int(backoff))
        redis.call('SREM', K.company(role), id)  -- from here a message of it is on its way
      end
      redis.call('ZADD', K.inflight(role), int(NOW_MS + backoff), id)
    end
  end
end
dispatch(role, out)
return {ended, out}
