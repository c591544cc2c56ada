-- distrust(collection_id, document, generation): the same bytes sent again are no `unchanged`
local inc, doc, generation = ARGV[1], ARGV[2], ARGV[3]
local newest = redis.call('HGET', K.newest(inc), doc)
if newest and string.match(newest, '^(%d+):') == generation then
  redis.call('HSET', K.newest(inc), doc, generation .. ':')
end
local record = redis.call('HGET', K.documents(inc), doc)
if record then
  local said = cjson.decode(record)
  if said.made_by and int(said.generation or 0) == generation then
    -- Replaced in the text: decoded and written anew, an empty object would become a list.
    local kept = string.gsub(record, '"made_by":"%x*"', '"made_by":""')
    redis.call('HSET', K.documents(inc), doc, kept)
  end
end
return {1}
