-- progress(unit, epoch, progress JSON): how far a body is → {'ok'} | {'lost'}
local id, epoch, said = ARGV[1], ARGV[2], ARGV[3]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
say_progress(id, said)
return {'ok'}
