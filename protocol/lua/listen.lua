-- listen(job): somebody reads the events of a job that has not ended, and says so again and again
-- → {'ok'}
-- Where there is no stream, one begins with what the row tells so far. It goes by itself some time
-- after the last reader.
local id = ARGV[1]
local left_ms = redis.call('PTTL', K.events(id))
if left_ms == -1 then return {'ok'} end  -- there from the submission on
local u = row(K.unit(id))
local is_unit = u.state
if not is_unit then u = row(K.job(id)) end
if not u.state or FINAL[u.state] then return {'ok'} end
if left_ms == -2 then
  begin_events(id, 'state', '{"state":"queued"}')
  if u.started then emit(id, 'state', '{"state":"running"}') end
  if is_unit and u.started then emit(id, 'stage', '{"stage":"' .. u.stage .. '"}') end
  if u.sources_blob and u.sources_blob ~= '' then
    emit(id, 'sources', '{"blob":"' .. u.sources_blob .. '"}')
  elseif u.sources and u.sources ~= '' then
    emit(id, 'sources', '{"sources":' .. u.sources .. '}')
  end
  if u.progress then emit(id, 'progress', u.progress) end
  if not is_unit then emit_progress(id, {}) end
end
redis.call('PEXPIRE', K.events(id), LISTENED_MS)
return {'ok'}
