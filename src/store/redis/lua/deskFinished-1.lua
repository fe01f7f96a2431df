-- Agent and caller have parted; the call itself may go on.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- ARGV[3] wrap-up, ms; '' = as the queue sets it
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local state, call = desk.get('offer', ARGV[2], 'state', 'call')
if state ~= 'connected' then return desk.reply('gone') end
desk.part(call, tonumber(ARGV[3]))
desk.set('call', call, 'state', 'served')
return desk.reply('ok')
