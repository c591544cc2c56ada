-- renew(unit, epoch, and so on) → an answer each: 'ok', 'stop', 'lost'
local out = {}
for i = 1, #ARGV, 2 do
  local id, epoch = ARGV[i], ARGV[i + 1]
  local said = redis.call('HMGET', K.unit(id), 'state', 'epoch', 'cancel', 'job', 'counted', 'deaths',
    'held', 'holder', 'chance_before', 'role', 'owner', 'put_back')
  local u = {
    state = said[1], epoch = said[2], cancel = said[3], job = said[4], counted = said[5],
    deaths = said[6], role = said[10], owner = said[11], put_back = said[12] or nil,
  }
  if not fenced(u, epoch) then
    out[#out + 1] = 'lost'
  else
    -- A claim that is there is only made to live longer: that takes no memory, so that a full Redis
    -- does not make every worker look dead.
    if redis.call('PEXPIRE', K.claim(id), CLAIM_MS) == 0 then
      redis.call('SET', K.claim(id), epoch, 'PX', CLAIM_MS)
    end
    local fields = {}
    if said[7] ~= '1' then fields.held = '1' end
    if u.counted == '1' then  -- it was a stall, not a death
      back_into_window(id, u)
      fields.counted = '0'
      fields.deaths = int(tonumber(u.deaths) - 1)
      fields.chance = said[9] or nil
      redis.call('ZREM', K.fallen(), (process_of(said[8] or '')))
    end
    put(K.unit(id), fields)
    out[#out + 1] = cancel_asked(u) and 'stop' or 'ok'
  end
end
return out
