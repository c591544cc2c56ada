-- finish(unit, epoch, state, fields JSON, count of events, type and data of each, number and token
-- event's data, and so on) → {'ok' | 'cancelled', messages…} | {'lost'}
-- The events, if any, are told before the end, and before the tokens.
local id, epoch, state = ARGV[1], ARGV[2], ARGV[3]
local u = row(K.unit(id))
if not fenced(u, epoch) then return {'lost'} end
local out = {'ok'}
if cancel_asked(u) then
  out[1] = 'cancelled'
  close(id, u, 'cancelled', {})
else
  local fields = cjson.decode(ARGV[4])
  local took = NOW - tonumber(u.claimed or int(NOW))
  local mean = tonumber(redis.call('HGET', K.pace(u.role), 'mean_us') or int(took))
  redis.call('HSET', K.pace(u.role), 'mean_us', int(0.9 * mean + 0.1 * took))
  local tokens = 6 + 2 * tonumber(ARGV[5])
  for i = 6, tokens - 1, 2 do append(id, ARGV[i], ARGV[i + 1]) end
  for i = tokens, #ARGV, 2 do
    if u.told ~= epoch .. ':' .. ARGV[i] then append(id, 'token', ARGV[i + 1]) end
  end
  if fields.tokens then
    local by = u.key or u.job and redis.call('HGET', K.job(u.job), 'key')
    local asked, written = string.match(fields.tokens, '^(%d+) (%d+)$')
    spend(by or nil, 'tokens', tonumber(asked) + tonumber(written))
    spend(by or nil, 'prompt_tokens', tonumber(asked))
    spend(by or nil, 'completion_tokens', tonumber(written))
  end
  close(id, u, state, fields)
end
dispatch(u.role, out)
return out
