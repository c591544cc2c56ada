-- raise_floor(collection_id, oldest generation of an open row or ''): what was deleted so long ago
-- that no answer, message or row of that time is left needs no tombstone → {the floor}
-- Only after a look at all that the vector store holds: what is lost and restorable is restored.
local inc, oldest = ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', K.collection(inc)) == 0 or entries_are_lost(inc) then return {'0'} end
local floor = floor_of(inc)
local raised = NOW - (RETENTION_S + DELETED_COLLECTION_S) * 1000000
if oldest then raised = math.min(raised, oldest) end
if raised > floor then
  floor = raised
  redis.call('HSET', K.log_state(inc), 'floor', int(floor))
end
return {int(floor)}
