-- The phone or link of an agent was lost while talking: the caller goes to the head of the line.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local state, call, agent, controller, queueId = desk.get('offer', ARGV[2], 'state', 'call', 'agent', 'controller', 'queue')
if state ~= 'connected' then return desk.reply('gone') end
local atMs = desk.get('call', call, 'at')
desk.cancelTransfer(call)
desk.dropOffer(ARGV[2], call, controller)
-- The phone is as good as unreachable.
desk.miss(agent, 'unreachable', desk.settingsOf(queueId))
desk.set('call', call, 'score', string.format('%.0f', desk.score(10, tonumber(atMs))))
desk.enterLine(call, desk.queue(queueId), nowMs)
return desk.reply('ok')
