-- The agent did not take the caller, who keeps the place in the line.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- ARGV[3] 'no-answer', 'refused', 'unreachable' or 'failed'
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local state = desk.get('offer', ARGV[2], 'state')
if not state or state == 'connected' then return desk.reply('gone') end
desk.missed(ARGV[2], ARGV[3])
return desk.reply('ok')
