-- archive(unit, when it finished, pointer or '', and so on): these rows lie in the archive; here only
-- stays what lists and fences need, and where the row lies → {how many}
-- Nothing waits for the archive any more that is named here. An empty pointer says no more than that.
local KEPT = {'kind', 'state', 'collection', 'created', 'finished', 'deadline', 'last_event', 'also'}

local function note_row(job, id, pointer, left)
  local name, at = row_name(job, id), nil
  for digits = 0, ARCHIVED_DIGITS do
    at = archived_at(job, name, digits)
    if redis.call('HLEN', at) < ARCHIVED_FIELDS then break end
  end
  redis.call('HSET', at, name, pointer)
  if redis.call('PTTL', at) < left then redis.call('PEXPIRE', at, int(left)) end
end

local count = 0
for i = 1, #ARGV, 3 do
  local id, finished, pointer = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local unit = K.unit(id)
  -- First: a full Redis refuses what takes memory only to a script that has written nothing yet.
  redis.call('ZREM', K.ended(), id)
  local said = redis.call('HMGET', unit, 'state', 'finished', 'archived', 'job')
  local left = redis.call('PTTL', unit)
  -- A row that has ended never changes again: what was read is what is here.
  if pointer ~= '' and FINAL[said[1]] and said[2] == finished and not said[3] and left > 0 then
    if said[4] then
      redis.call('DEL', unit)
      note_row(said[4], id, string.sub(said[1], 1, 1) .. pointer, left)
    else
      local fields, stub = {archived = pointer}, redis.call('HMGET', unit, unpack(KEPT))
      redis.call('DEL', unit)
      for n, name in ipairs(KEPT) do fields[name] = stub[n] or nil end
      put(unit, fields)
      redis.call('PEXPIRE', unit, int(left))
    end
    count = count + 1
  end
end
return {count}
