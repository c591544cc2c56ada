-- join(role, stage, holder, most, bytes, owner) → {{unit, row…}, …}
-- Claims units for a body that takes them along: small ones of the same stage, *bytes* together;
-- interactive ones first, then those of the *owner* of the one that leads it, then whose turn it is.
-- The first that is anything else ends it, and goes the ordinary way.
local role, stage, holder = ARGV[1], ARGV[2], ARGV[3]
local most, room = tonumber(ARGV[4]), tonumber(ARGV[5])
local out = {}
-- This very call once more, its answer lost on the way: what it took would be held by nobody.
for _, id in ipairs(redis.call('LRANGE', K.joined(holder), 0, -1)) do
  local u = row(K.unit(id))
  if u.holder == holder and u.held == '1' and redis.call('EXISTS', K.claim(id)) == 1 then
    local again = whole_row(id, u)
    table.insert(again, 1, id)
    out[#out + 1] = again
  end
end
if #out > 0 then return out end
while #out < most do
  local id, owner, lanes = next_up(role, true, false)
  local own = owner ~= 'interactive' and redis.call('ZRANGE', K.lane(role, ARGV[6]), 0, 0)[1]
  if own then id, owner, lanes = own, ARGV[6], role end
  if not id then break end
  local u = row(K.unit(id))
  room = room - tonumber(u.size or '0')
  if not u.state or FINAL[u.state] or u.stage ~= stage or tonumber(u.deaths or '0') > 0
      or room < 0 or cancel_asked(u) or NOW_MS > tonumber(u.deadline)
      or redis.call('EXISTS', K.claim(id)) == 1 then
    break
  end
  out_of_lane(role, owner, id, lanes)
  into_batch(role, id)
  local taken = take(id, u, holder)
  table.insert(taken, 1, id)
  out[#out + 1] = taken
  redis.call('RPUSH', K.joined(holder), id)
end
if #out > 0 then redis.call('PEXPIRE', K.joined(holder), CLAIM_MS) end
return out
