-- A caller whose agent has gone while they were being handed over goes to the head of the line.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true when the caller is in the line }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call = ARGV[2]
local state, queueId, at = desk.get('call', call, 'state', 'queue', 'at')
if state ~= 'served' then return desk.reply(state == 'waiting' or state == 'offered') end
local queue = desk.queue(queueId)
if not queue then return desk.reply(false) end
desk.cancelTransfer(call)
desk.set('call', call, 'score', string.format('%.0f', desk.score(10, tonumber(at))))
desk.enterLine(call, queue, nowMs)
return desk.reply(true)
