-- How it stands with every agent.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = list of
-- { agentId, state, reason, sinceMs, wanted, callId, missesInRow } }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local agents = {}
for _, agent in ipairs(redis.call('HKEYS', base .. 'profiles')) do agents[#agents + 1] = desk.describeAgent(agent) end
return desk.reply(agents)
