-- bury(collection_id, document…): ends the tombstones of documents that are below the floor, and what
-- is known of documents that were accepted below it and never became current → {how many}
-- The last entry of a collection stays: where there is none, the catalogue has lost them.
local inc = ARGV[1]
if redis.call('EXISTS', K.collection(inc)) == 0 or entries_are_lost(inc) then return {0} end
local floor, left = floor_of(inc), redis.call('HLEN', K.current(inc))
local ended = 0
for i = 2, #ARGV do
  local doc = ARGV[i]
  local entry = redis.call('HGET', K.current(inc), doc)
  local g, c = string.match(entry or '', '^(%d+):(%d+):')
  local newest = string.match(redis.call('HGET', K.newest(inc), doc) or g or '', '^(%d+)')
  local deleted = entry and left > 1 and c == '0' and tonumber(g) < floor
  if newest and tonumber(newest) < floor and (deleted or not entry) then
    redis.call('HDEL', K.current(inc), doc)
    redis.call('HDEL', K.newest(inc), doc)
    left, ended = left - (entry and 1 or 0), ended + 1
  end
end
return {ended}
