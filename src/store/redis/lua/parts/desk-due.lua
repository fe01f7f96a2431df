-- What has fallen due is done before anything else.

local due = {}

-- The lease of an offer has run out.
function due.offer(offer)
  local call, agent, controller, state, transfer =
    desk.get('offer', offer, 'call', 'agent', 'controller', 'state', 'transfer')
  if not call then return end
  desk.tell(controller, { type = 'withdrawn', callId = call, offerId = offer })
  if state ~= 'reserved' then return desk.missed(offer, state == 'ringing' and 'no-answer' or 'refused') end
  if transfer then return desk.cancelTransfer(call) end
  -- Nobody rang: not the agent's fault.
  desk.dropOffer(offer, call, controller)
  desk.letGo(agent)
  if redis.call('EXISTS', base .. 'ringing:' .. call) == 1 then return end
  if redis.call('HINCRBY', base .. 'call:' .. call, 'ignored', 1) >= desk.maxIgnored then return desk.orphan(call) end
  desk.wait(call)
end

-- The end of wrap-up, or of a pause.
function due.agent(agent)
  local state = desk.get('agent', agent, 'state')
  if state == 'wrap-up' then return desk.endWrapUp(agent) end
  redis.call('HDEL', base .. 'agent:' .. agent, 'misses')
  desk.set('agent', agent, 'idle', nowMs)
  desk.letGo(agent)
end

-- The agent may be rung again for this caller: the time set is over, or nobody else is there to be rung.
function due.skip(id)
  local call, agent = string.match(id, '^(.-)/(.*)$')
  local state, untilMs, orphan, after, shut = desk.get('call', call, 'state', 'skip:' .. agent, 'orphan', 'after', 'shut')
  local isOffered = state ~= 'waiting' or orphan or after or shut
  if nowMs < tonumber(untilMs or 0) and (isOffered or desk.canBeServed(call)) then
    return desk.remind('skip', id, math.min(tonumber(untilMs), nowMs + desk.aloneMs))
  end
  redis.call('HDEL', base .. 'call:' .. call, 'skip:' .. agent)
  if state == 'waiting' then desk.putBack[call] = true end
end

function due.widen(call)
  if desk.widen(call) and desk.get('call', call, 'state') == 'waiting' then desk.wait(call) end
end

-- The longest wait is over; a phone that rings right now may still be answered.
function due.wait(call)
  if desk.get('call', call, 'state') ~= 'waiting' then return desk.set('call', call, 'overdue', 1) end
  desk.overflow(call, 'time-out')
end

-- The pause before a call-back is tried again is over.
function due.again(call)
  redis.call('HDEL', base .. 'call:' .. call, 'after')
  if desk.get('call', call, 'state') == 'waiting' then desk.wait(call) end
end

due.door = desk.onDoor
due.orphan = desk.forget

-- A call-back has not come about in all the time it had; who is dialled right now may still be reached.
function due.expiry(call)
  if desk.get('call', call, 'state') == 'answered' then return desk.remind('expiry', call, nowMs + desk.callBackMs) end
  desk.giveUp(call)
end

-- Nobody has signed in to the queue for its `noAgentsMs`.
function due.nobody(queue)
  if desk.isStaffed(queue) then return end
  for _, call in ipairs(redis.call('ZRANGE', base .. 'line:' .. queue, 0, -1)) do
    local state, callBack = desk.get('call', call, 'state', 'callBack')
    if state == 'waiting' and not callBack then desk.overflow(call, 'no-agent') end
  end
end

-- While Redis was down nobody could renew: after a restart each controller gets a whole lease to come back in, and
-- the pauses between attempts to connect at least.
local function isFreshlyStarted()
  local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local known = redis.call('HGET', base .. 'meta', 'runId')
  if known == runId then return false end
  redis.call('HSET', base .. 'meta', 'runId', runId)
  return known ~= false
end

local function loseController(controller)
  local leaseMs = tonumber(redis.call('HGET', base .. 'meta', 'leaseMs') or 10000)
  if isFreshlyStarted() then
    for _, each in ipairs(redis.call('ZRANGE', base .. 'leases', 0, -1)) do
      redis.call('ZADD', base .. 'leases', nowMs + math.max(leaseMs, 5000), each)
    end
    return
  end
  -- A part at a time: Redis serves others too. While there are more, the lease stays and is due again at once.
  for _, call in ipairs(redis.call('SPOP', base .. 'calls:' .. controller, 200)) do desk.orphan(call) end
  if redis.call('EXISTS', base .. 'calls:' .. controller) == 0 then redis.call('ZREM', base .. 'leases', controller) end
end

function desk.doDue()
  -- What is done can make more fall due at this very moment; each round is bounded all the same.
  for _ = 1, 3 do
    local members = redis.call('ZRANGEBYSCORE', base .. 'due', '-inf', nowMs, 'LIMIT', 0, 300)
    for _, member in ipairs(members) do
      local kind, id = string.match(member, '^(%a+):(.*)$')
      -- One that was taken back meanwhile is not done.
      if redis.call('ZREM', base .. 'due', member) == 1 then due[kind](id) end
    end
    if #members == 0 then break end
  end
  for _, controller in ipairs(redis.call('ZRANGEBYSCORE', base .. 'leases', '-inf', nowMs)) do loseController(controller) end
end

desk.doDue()
-- Agents and callers are matched before the operation itself, so that what was due first is served first.
desk.match()
