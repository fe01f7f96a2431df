-- Who waits in a queue, first in line first.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] queue id
-- ARGV[3] how many at most
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = list of
-- { callId, accountId, state, enqueuedAtMs, isCallBack, agentIds } }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local callers = {}
for index, call in ipairs(redis.call('ZRANGE', base .. 'line:' .. ARGV[2], 0, tonumber(ARGV[3]) - 1)) do
  local state, account, at, callBack, held = desk.get('call', call, 'state', 'account', 'at', 'callBack', 'agent')
  local agents = { held or nil }
  for _, offer in ipairs(redis.call('SMEMBERS', base .. 'ringing:' .. call)) do
    agents[#agents + 1] = desk.get('offer', offer, 'agent')
  end
  callers[index] = {
    callId = call, accountId = account, state = state, enqueuedAtMs = tonumber(at), isCallBack = callBack ~= false,
    agentIds = agents,
  }
end
return desk.reply(callers)
