-- The caller who talks is to be handed to another agent, who is reserved: the caller is in no line meanwhile.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] agent id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = the offer, 'not-talking', 'busy' or 'not-allowed' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call, agent = ARGV[2], ARGV[3]
local state, account, controller, queue, transfer, orphan =
  desk.get('call', call, 'state', 'account', 'controller', 'queue', 'transfer', 'orphan')
if transfer then
  local isRepeat = desk.get('offer', transfer, 'agent') == agent
  return desk.reply(isRepeat and desk.describe(transfer) or 'busy')
end
-- A controller that has lost its lease orders nothing: another may take the call this very moment.
if state ~= 'talking' or orphan then return desk.reply('not-talking') end
local profile = desk.profile(agent)
if not profile or desk.get('agent', agent, 'state') ~= 'available' then return desk.reply('busy') end
if profile.refused[account] then return desk.reply('not-allowed') end
local offer = desk.makeOffer(call, agent, controller, queue)
desk.set('offer', offer, 'transfer', 1)
desk.set('call', call, 'transfer', offer)
return desk.reply(desk.describe(offer))
