-- tell(unit, epoch, number, token event's data, and so on) → an answer each: 'ok', 'stop', 'lost'
-- Pieces of answers; *number* counts those of one claim. A piece that comes again, its answer lost
-- on the way, is not told twice.
local out, told = {}, {}
for i = 1, #ARGV, 4 do
  local id, epoch, piece = ARGV[i], ARGV[i + 1], ARGV[i + 1] .. ':' .. ARGV[i + 2]
  local said = redis.call('HMGET', K.unit(id), 'state', 'epoch', 'cancel', 'told')
  local u = {state = said[1], epoch = said[2], cancel = said[3]}
  if not fenced(u, epoch) then
    out[#out + 1] = 'lost'
  else
    if said[4] ~= piece then
      redis.call('HSET', K.unit(id), 'told', piece)
      if append(id, 'token', ARGV[i + 3]) then told[#told + 1] = id end
    end
    out[#out + 1] = cancel_asked(u) and 'stop' or 'ok'
  end
end
if #told > 0 then redis.call('PUBLISH', K.WAKE, table.concat(told, ' ')) end
return out
