-- distrust(collection_id, document, generation): the same bytes sent again are no `unchanged`
local inc, doc, generation = ARGV[1], ARGV[2], ARGV[3]
forget_fingerprint(inc, doc, generation)
local record = redis.call('HGET', K.documents(inc), doc)
if record and read_record(record).generation == generation then
  -- Replaced in the text: decoded and written anew, an empty object would become a list.
  local kept, found = string.gsub(record, '^(%[%d+,"[^"]*",)"%x*"', '%1""')
  if found == 0 then  -- of an earlier build: its last two fields
    kept = string.gsub(record, '"made_by":"%x*"(,"updated_at":"[^"]*"})$', '"made_by":""%1')
  end
  redis.call('HSET', K.documents(inc), doc, kept)
end
return {1}
