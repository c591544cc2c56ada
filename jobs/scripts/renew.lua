-- renew(unit, epoch) → {'ok', cancel flag} | {'lost'}
local id, epoch = ARGV[1], ARGV[2]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
redis.call('SET', K.claim(id), epoch, 'PX', CLAIM_MS)
local fields = {held = '1'}
if u.counted == '1' then  -- it was a stall, not a death
  fields.counted = '0'
  fields.deaths = int(tonumber(u.deaths) - 1)
end
put(K.unit(id), fields)
return {'ok', cancel_asked(u) and '1' or '0'}
