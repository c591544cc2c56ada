-- drop_expired(name): a vector store that expired so long ago, STORE_KEPT_S, that nobody will wake it is
-- dropped, unless it was made as a collection → {collection id} | {}
local inc = redis.call('HGET', K.collections(), ARGV[1])
if not inc then return {} end
local s = redis.call('HMGET', K.store(inc), 'label', 'active', 'expires_days')
if not (s[1] and s[2] and s[3]) then return {} end
local expired = tonumber(s[2]) + tonumber(s[3]) * DAY_US
if NOW < expired + STORE_KEPT_S * 1000000 then return {} end
drop_named(ARGV[1], inc)
return {inc}
