-- expire(class, most): ends what is past its deadline, claimed or not: a hung body is renewed
-- for ever → {how many, {id, state, job, document, request of each unit ended…}, {messages…}}
local class, most = ARGV[1], tonumber(ARGV[2])
local ended, out = {}, {}
local due = redis.call('ZRANGEBYSCORE', K.deadlines(class), '-inf',
  int(NOW_MS - EXPIRE_GRACE_MS), 'LIMIT', 0, most)
local roles = {}
for _, id in ipairs(due) do
  if class == 'job' then
    local j = redis.call('HMGET', K.job(id), 'filling', 'deadline_ms', 'batch')
    if j[1] == '1' and not j[3] then  -- it waits for room, and its rows have deadlines of their own
      local deadline = int(NOW_MS + tonumber(j[2]))
      redis.call('HSET', K.job(id), 'deadline', deadline)
      redis.call('ZADD', K.deadlines(class), deadline, id)
    else
      redis.call('ZREM', K.deadlines(class), id)
      end_filling(id)
      seal_job(id)
    end
  else
    local u = row(K.unit(id))
    if u.state and not FINAL[u.state] then
      close(id, u, 'expired', {error = problem('deadline', 'Past its deadline',
        'It was not finished in time; submit it again, perhaps with a longer deadline_s.')})
      note_end(ended, id, u)
      redis.call('PUBLISH', K.CANCEL, id)
      roles[u.role] = true
    else
      redis.call('ZREM', K.deadlines(class), id)
    end
  end
end
for role in pairs(roles) do dispatch(role, out) end
return {tostring(#due), ended, out}
