-- write(unit, epoch, event type, event data, fields JSON) → {'ok', cancel flag} | {'lost'}
local id, epoch, kind, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
put(K.unit(id), cjson.decode(ARGV[5]))
if kind ~= '' then emit(u.job or id, kind, data) end
return {'ok', cancel_asked(u) and '1' or '0'}
