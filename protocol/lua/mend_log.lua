-- mend_log(collection_id, dry run) → 1 if the change log had vanished
local inc = ARGV[1]
if redis.call('EXISTS', K.collection(inc)) == 0 or not log_is_lost(inc) then return {0} end
if ARGV[2] ~= '1' then begin_log_anew(inc) end
return {1}
