-- How it stands with an agent.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] agent id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = { state, reason, sinceMs, wanted, callId, missesInRow } or null }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local state, reason, since, wanted, call, misses =
  desk.get('agent', ARGV[2], 'state', 'reason', 'since', 'wanted', 'call', 'misses')
if not state then return desk.reply(cjson.null) end
return desk.reply({
  state = state, reason = reason, sinceMs = tonumber(since), wanted = wanted,
  callId = call or nil, missesInRow = tonumber(misses or 0),
})
