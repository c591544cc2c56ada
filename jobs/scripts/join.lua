-- join(role, stage, holder, most, bytes) → {{unit, row…}, …}
-- Claims the units whose turn it is, for a body that takes them along: small ones of the same stage,
-- *bytes* together. The first that is anything else ends it, and goes the ordinary way.
local role, stage, holder = ARGV[1], ARGV[2], ARGV[3]
local most, room = tonumber(ARGV[4]), tonumber(ARGV[5])
local out = {}
while #out < most do
  local id, owner = next_up(role, true)
  if not id then break end
  local u = row(K.unit(id))
  room = room - tonumber(u.size or '0')
  if not u.state or FINAL[u.state] or u.stage ~= stage or tonumber(u.deaths or '0') > 0
      or room < 0 or cancel_asked(u) or NOW_MS > tonumber(u.deadline)
      or redis.call('EXISTS', K.claim(id)) == 1 then
    break
  end
  out_of_lane(role, owner, id)
  into_company(role, id)
  local taken = take(id, u, holder)
  table.insert(taken, 1, id)
  out[#out + 1] = taken
end
return out
