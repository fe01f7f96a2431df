-- How it stands with an agent.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] agent id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result =
-- { agentId, state, reason, sinceMs, wanted, callId, missesInRow } or null }
-- include: desk-base desk-agents desk-match desk-calls desk-due

return desk.reply(desk.describeAgent(ARGV[2]) or cjson.null)
