-- retell_attached(collection_id, file, unit, JSON): what is told of an attached file changes, and its
-- document does not; nothing is done where the file was attached anew since → {'ok'} | {'moved'}
local inc, file = ARGV[1], ARGV[2]
local unit, size = attached_entry(inc, file)
if unit ~= ARGV[3] then return {'moved'} end
redis.call('HSET', K.attached(inc), file, unit .. ' ' .. size .. ' ' .. ARGV[4])
return {'ok'}
