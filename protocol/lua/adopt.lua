-- adopt(collection_id, name, other name, fields JSON, vector index): a collection of the vector
-- store that no catalogue knows gets its name back, or the other one where that is taken → {name} |
-- {}
local inc, name, other, fields = ARGV[1], ARGV[2], ARGV[3], cjson.decode(ARGV[4])
if redis.call('EXISTS', K.collection(inc)) == 1 or redis.call('ZSCORE', K.graves(), inc) then
  return {}
end
local taken = redis.call('HGET', K.collections(), name)
if taken and taken ~= inc then
  if not had_documents(taken) and redis.call('EXISTS', K.current(taken)) == 0 then
    -- Made by the first question after the loss, and never written to.
    redis.call('DEL', K.collection(taken))
    redis.call('ZADD', K.graves(), int(NOW_MS), taken)
  else
    name = other
  end
end
fields.name = name
if ARGV[5] ~= inc then fields.edition = ARGV[5] end
fields.created = fields.created or int(NOW)
put(K.collection(inc), fields)
redis.call('HSET', K.collections(), name, inc)
if log_is_lost(inc) then begin_log_anew(inc) end
redis.call('XADD', K.news(), 'MAXLEN', '~', 1000, '*', 'made', inc)
return {name}
