-- use_store(collection_id, fields JSON, names JSON): a vector store was used, and perhaps changed:
-- *fields* are put into what is kept of it, *names* taken out → {'ok'} | {'gone'}
local inc = ARGV[1]
if redis.call('EXISTS', K.collection(inc)) == 0 then return {'gone'} end
local fields = cjson.decode(ARGV[2])
fields.active = int(NOW)
put(K.store(inc), fields)
for _, name in ipairs(cjson.decode(ARGV[3])) do redis.call('HDEL', K.store(inc), name) end
return {'ok'}
