-- Callers and offers: into the line, out of it, and what becomes of an offer.

function desk.takeOut(call, queue, needs)
  local key = base .. 'waiting:' .. queue .. ':' .. needs
  redis.call('ZREM', key, call)
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', base .. 'needs:' .. queue, needs) end
end

-- A call-back needs a controller, any that lives: in turn. False: there is none.
local function findController(call)
  local former = desk.get('call', call, 'controller')
  if (tonumber(redis.call('ZSCORE', base .. 'leases', former) or 0)) > nowMs then return true end
  redis.call('SREM', base .. 'calls:' .. former, call)
  local living = redis.call('ZRANGE', base .. 'leases', '(' .. nowMs, '+inf', 'BYSCORE')
  local controller = living[redis.call('HINCRBY', base .. 'meta', 'turns', 1) % math.max(1, #living) + 1] or ''
  desk.set('call', call, 'controller', controller)
  if controller ~= '' then redis.call('SADD', base .. 'calls:' .. controller, call) end
  return controller ~= ''
end

-- Back into the line at the place that priority and age give.
function desk.wait(call)
  local queue, needs, score, orphan, overdue, callBack, after =
    desk.get('call', call, 'queue', 'needs', 'score', 'orphan', 'overdue', 'callBack', 'after')
  desk.set('call', call, 'state', 'waiting')
  redis.call('HDEL', base .. 'call:' .. call, 'agent', 'offer', 'shut')
  redis.call('ZADD', base .. 'line:' .. queue, score, call)
  if orphan then return end
  if not desk.queue(queue) then return desk.queueGone(call) end
  if after then return end
  -- Agents of other queues may be at work, but nobody is to be rung up at night.
  if callBack and not desk.isOpen(queue) then return desk.set('call', call, 'shut', 1) end
  if callBack and not findController(call) then return end
  if overdue then return desk.overflow(call, 'time-out') end
  redis.call('SADD', base .. 'needs:' .. queue, needs)
  redis.call('ZADD', base .. 'waiting:' .. queue .. ':' .. needs, score, call)
  desk.putBack[call] = true
end

local function unskip(call, agent)
  desk.unremind('skip', call .. '/' .. agent)
  redis.call('HDEL', base .. 'call:' .. call, 'skip:' .. agent)
end

-- Lets everybody who could be offered the call, but is not, see it no more. Whoever rings goes on ringing.
function desk.leaveLine(call)
  local queue, needs = desk.get('call', call, 'queue', 'needs')
  desk.changed = true
  desk.takeOut(call, queue, needs)
  redis.call('ZREM', base .. 'line:' .. queue, call)
  for _, kind in ipairs({ 'wait', 'widen' }) do desk.unremind(kind, call) end
  for _, field in ipairs(redis.call('HKEYS', base .. 'call:' .. call)) do
    if string.sub(field, 1, 5) == 'skip:' then unskip(call, string.sub(field, 6)) end
  end
end
-- Deletes the offer; the agent is the caller's business.
function desk.dropOffer(offer, call, controller)
  redis.call('DEL', base .. 'offer:' .. offer)
  redis.call('SREM', base .. 'ringing:' .. call, offer)
  redis.call('SREM', base .. 'offers:' .. controller, offer)
  desk.unremind('offer', offer)
  desk.changed = true
end

-- Ends all offers of a call but one: the agents are free again, and it counts as no miss.
function desk.withdraw(call, except)
  for _, offer in ipairs(redis.call('SMEMBERS', base .. 'ringing:' .. call)) do
    if offer ~= except then
      local agent, controller = desk.get('offer', offer, 'agent', 'controller')
      desk.dropOffer(offer, call, controller)
      desk.tell(controller, { type = 'withdrawn', callId = call, offerId = offer })
      desk.letGo(agent)
    end
  end
end

-- The call's hold on the agent who answered, if any, ends. wrapUpMs: nil = as the queue sets it.
function desk.part(call, wrapUpMs)
  local offer = desk.get('call', call, 'offer')
  if not offer then return end
  local agent, controller, queue, since = desk.get('offer', offer, 'agent', 'controller', 'queue', 'connectedAt')
  desk.dropOffer(offer, call, controller)
  redis.call('HDEL', base .. 'call:' .. call, 'offer', 'agent')
  if since then
    desk.wrapUp(agent, queue, since, wrapUpMs or desk.settingsOf(queue).wrapUpMs)
  else
    desk.tell(controller, { type = 'withdrawn', callId = call, offerId = offer })
    desk.letGo(agent)
  end
end

-- Nobody is handed the caller any more: the agent who was to have them is free again, and it counts as no miss.
function desk.cancelTransfer(call)
  local offer = desk.get('call', call, 'transfer')
  if not offer then return end
  local agent, controller = desk.get('offer', offer, 'agent', 'controller')
  desk.dropOffer(offer, call, controller)
  redis.call('HDEL', base .. 'call:' .. call, 'transfer')
  desk.tell(controller, { type = 'withdrawn', callId = call, offerId = offer })
  desk.letGo(agent)
end

-- The offer has come to nothing: the agent is passed over for this caller, who goes back to the old place.
-- why 'failed': the phone could not be rung, or the two not be connected, for a reason that is not the agent's.
function desk.missed(offer, why)
  local call, agent, controller, queue, transfer =
    desk.get('offer', offer, 'call', 'agent', 'controller', 'queue', 'transfer')
  local settings = desk.settingsOf(queue)
  desk.dropOffer(offer, call, controller)
  if why == 'failed' then desk.letGo(agent) else desk.miss(agent, why, settings) end
  if transfer then return redis.call('HDEL', base .. 'call:' .. call, 'transfer') end
  local skipMs = why == 'failed' and math.min(settings.skipMs, desk.faultSkipMs) or settings.skipMs
  if desk.get('call', call, 'queue') == queue and skipMs > 0 then
    local againMs = why == 'failed' and skipMs or math.min(skipMs, desk.aloneMs)
    desk.set('call', call, 'skip:' .. agent, string.format('%.0f', nowMs + skipMs))
    desk.remind('skip', call .. '/' .. agent, nowMs + againMs)
  end
  desk.tryAllAgain(call, agent)
  if why == 'failed' then
    desk.set('call', call, 'after', nowMs + desk.faultMs)
    desk.remind('again', call, nowMs + desk.faultMs)
  end
  if redis.call('EXISTS', base .. 'ringing:' .. call) == 0 then desk.wait(call) end
end

-- Everybody at work who could serve the caller has missed the call: all but the last one may be rung again.
function desk.tryAllAgain(call, last)
  local queue, needs, account = desk.get('call', call, 'queue', 'needs', 'account')
  local others = {}
  for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. queue)) do
    local state = desk.get('agent', agent, 'state')
    local isAtWork = state and state ~= 'offline' and state ~= 'break'
    if agent ~= last and isAtWork and desk.meets(desk.profile(agent), needs) and not desk.profile(agent).refused[account] then
      if not desk.get('call', call, 'skip:' .. agent) then return end
      others[#others + 1] = agent
    end
  end
  for _, agent in ipairs(others) do unskip(call, agent) end
end

function desk.remindOfDoor(queue)
  local _, nextAtMs = desk.isOpen(queue)
  if nextAtMs then desk.remind('door', queue, nextAtMs) else desk.unremind('door', queue) end
end

-- The queue has opened, or closed: of those who wait only call-backs are concerned.
function desk.onDoor(queue)
  desk.remindOfDoor(queue)
  for _, call in ipairs(redis.call('ZRANGE', base .. 'line:' .. queue, 0, -1)) do
    local state, needs, callBack = desk.get('call', call, 'state', 'needs', 'callBack')
    if callBack and state == 'waiting' then
      desk.takeOut(call, queue, needs)
      desk.wait(call)
    end
  end
end

-- Whoever listened to the call is offered callers again.
function desk.stopListening(call, agent)
  redis.call('HDEL', base .. 'call:' .. call, 'listener:' .. agent)
  local listens, state, reason = desk.get('agent', agent, 'listens', 'state', 'reason')
  if listens ~= call then return end
  redis.call('HDEL', base .. 'agent:' .. agent, 'listens')
  desk.changed = true
  if state ~= 'break' or reason ~= 'listening' then return end
  desk.set('agent', agent, 'idle', nowMs)
  desk.letGo(agent)
end
function desk.endListening(call)
  for _, field in ipairs(redis.call('HKEYS', base .. 'call:' .. call)) do
    if string.sub(field, 1, 9) == 'listener:' then desk.stopListening(call, string.sub(field, 10)) end
  end
end

-- Nothing of the call is left.
function desk.forget(call)
  local controller, queue, counted, callBack = desk.get('call', call, 'controller', 'queue', 'counted', 'callBack')
  if not controller then return end
  if not counted and not callBack then desk.count(queue, 'left', 1) end
  desk.withdraw(call)
  desk.cancelTransfer(call)
  desk.part(call)
  desk.leaveLine(call)
  desk.endListening(call)
  for _, kind in ipairs({ 'orphan', 'again' }) do desk.unremind(kind, call) end
  desk.endCallBack(call)
  redis.call('SREM', base .. 'held:' .. controller, call)
  redis.call('SREM', base .. 'calls:' .. controller, call)
  redis.call('SREM', base .. 'lost:' .. controller, call)
  redis.call('DEL', base .. 'call:' .. call)
end

-- The call-back will not come about: kept for whoever makes a case of it, so that the account hears of it.
function desk.giveUp(call)
  local request, queue = desk.get('call', call, 'request', 'queue')
  if not request then return end
  redis.call('HSET', base .. 'givenUp', call, cjson.encode({ request = request, queueId = queue, atMs = nowMs }))
  desk.forget(call)
end

-- The caller is on the line (again): a call like any other. Or gone.
function desk.endCallBack(call)
  if redis.call('SREM', base .. 'callBacks', call) == 0 then return end
  redis.call('HDEL', base .. 'call:' .. call, 'callBack', 'after', 'shut')
  desk.unremind('expiry', call)
  desk.unremind('again', call)
end

-- No controller drives the call-back any more: the next turn may be another's.
local function release(call)
  redis.call('SREM', base .. 'calls:' .. desk.get('call', call, 'controller'), call)
  desk.withdraw(call)
  desk.part(call)
  redis.call('HDEL', base .. 'call:' .. call, 'ignored')
  desk.set('call', call, 'controller', '')
end

-- The call-back keeps its place, but is offered to nobody until then.
function desk.postpone(call, atMs)
  release(call)
  desk.set('call', call, 'after', atMs)
  desk.remind('again', call, atMs)
  desk.wait(call)
end

-- The call has no controller for now: it keeps its place but is offered to nobody, and is forgotten in the end.
function desk.orphan(call)
  local state, queue, needs, controller, callBack =
    desk.get('call', call, 'state', 'queue', 'needs', 'controller', 'callBack')
  if callBack then
    desk.takeOut(call, queue, needs)
    release(call)
    return desk.wait(call)
  end
  desk.set('call', call, 'orphan', 1)
  redis.call('SADD', base .. 'lost:' .. controller, call)
  desk.remind('orphan', call, nowMs + desk.orphanMs)
  desk.takeOut(call, queue, needs)
  desk.withdraw(call)
  desk.cancelTransfer(call)
  -- Who answered but was not yet connected has nobody to be connected by.
  if state == 'answered' then desk.part(call) end
  if state == 'offered' or state == 'answered' then desk.wait(call) end
end

-- Needs in one form, whatever the order of the skills: callers with the same wait together.
local function needsKey(language, skills)
  local names, list = {}, {}
  for name in pairs(skills) do names[#names + 1] = name end
  table.sort(names)
  for index, name in ipairs(names) do list[index] = cjson.encode(name) .. ':' .. skills[name] end
  local head = language and '"language":' .. cjson.encode(language) .. ',' or ''
  return '{' .. head .. '"skills":{' .. table.concat(list, ',') .. '}}'
end

-- What the caller asked for, less what the queue's steps have taken off by now; and when the next step comes.
local function needsByNow(asked, steps, sinceMs)
  local needs = cjson.decode(asked)
  for _, step in ipairs(steps) do
    if sinceMs + step.afterMs > nowMs then return needsKey(needs.language, needs.skills), sinceMs + step.afterMs end
    if step.anyLanguage then needs.language = nil end
    for _, name in ipairs(step.dropSkills or {}) do needs.skills[name] = nil end
    for name, level in pairs(needs.skills) do needs.skills[name] = math.max(0, level - (step.lowerLevelsBy or 0)) end
  end
  return needsKey(needs.language, needs.skills), nil
end

-- Somebody has decided that the queue is the right one: the skills that the flow asked for count no more, the language does.
function desk.dropSkills(call)
  local asked = cjson.decode(desk.get('call', call, 'asked'))
  desk.set('call', call, 'asked', needsKey(asked.language, {}))
end

-- Needs as they are by now, and a reminder of when they are wider. True when they have changed.
function desk.widen(call)
  local queue, needs, asked, at = desk.get('call', call, 'queue', 'needs', 'asked', 'at')
  local wider, nextAtMs = needsByNow(asked, desk.settingsOf(queue).widening, tonumber(at))
  if nextAtMs then desk.remind('widen', call, nextAtMs) else desk.unremind('widen', call) end
  if wider == needs then return false end
  desk.takeOut(call, queue, needs)
  desk.set('call', call, 'needs', wider)
  return true
end

-- Puts a known call into the line of a queue. The wait is counted from `enteredAtMs`.
function desk.enterLine(call, queue, enteredAtMs)
  -- Removed meanwhile: that shows where the wait begins.
  if not queue then return desk.wait(call) end
  local own, callBack = desk.get('call', call, 'maxWaitMs', 'callBack')
  -- Who is called back hangs on no line: there is time.
  local maxWaitMs = callBack and 0 or tonumber(own) or queue.maxWaitMs
  desk.set('call', call, 'queue', queue.queueId, 'entered', enteredAtMs)
  redis.call('HDEL', base .. 'call:' .. call, 'overdue', 'step')
  if maxWaitMs > 0 then desk.remind('wait', call, enteredAtMs + maxWaitMs) end
  desk.widen(call)
  desk.wait(call)
  if queue.noAgentsMs and not desk.isStaffed(queue.queueId) then
    redis.call('ZADD', base .. 'due', 'NX', nowMs + queue.noAgentsMs, 'nobody:' .. queue.queueId)
  end
end

function desk.isFull(queue) return redis.call('ZCARD', base .. 'line:' .. queue.queueId) >= queue.maxLength end

function desk.isStaffed(queue)
  for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. queue)) do
    if (desk.get('agent', agent, 'state') or 'offline') ~= 'offline' then return true end
  end
  return false
end

-- By its rules: nobody has been signed in for its `noAgentsMs`.
local function lacksAgents(queue)
  if not queue.noAgentsMs or desk.isStaffed(queue.queueId) then return false end
  local sinceMs = tonumber(redis.call('HGET', base .. 'unstaffed', queue.queueId) or 0)
  return sinceMs + queue.noAgentsMs <= nowMs
end

-- Whether a caller whom nobody serves elsewhere has better prospects here.
local function takesOverflow(queue)
  return queue and desk.isOpen(queue.queueId) and not lacksAgents(queue) and not desk.isFull(queue)
end

-- When the one who has waited longest began to, or nil. Within one priority the first is the oldest.
function desk.oldestAtMs(queue)
  local oldestMs
  for level = 0, 10 do
    local band = level * 1e14
    local first = redis.call('ZRANGE', base .. 'line:' .. queue, band, band + 1e14 - 1, 'BYSCORE', 'LIMIT', 0, 1)[1]
    if first then oldestMs = math.min(oldestMs or math.huge, tonumber((desk.get('call', first, 'at')))) end
  end
  return oldestMs
end

-- Members of a queue by state.
function desk.agentsByState(queue)
  local agents = {}
  for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. queue)) do
    local state = desk.get('agent', agent, 'state') or 'offline'
    agents[state] = (agents[state] or 0) + 1
  end
  return agents
end

function desk.position(call)
  local place = redis.call('ZRANK', base .. 'line:' .. desk.get('call', call, 'queue'), call)
  return place and place + 1
end

-- The next step of the queue's overflow; another queue is entered here, with the age kept. why: nil = as before.
function desk.overflow(call, why)
  local queue, needs, controller, step, moves = desk.get('call', call, 'queue', 'needs', 'controller', 'step', 'moves')
  local steps = desk.settingsOf(queue).overflow
  local number = tonumber(step or 0) + 1
  local due = steps[number]
  while due and due.type == 'queue' do
    local target = desk.queue(due.queueId)
    if takesOverflow(target) and tonumber(moves or 0) < desk.maxMoves then
      desk.leaveLine(call)
      redis.call('SREM', base .. 'held:' .. controller, call)
      redis.call('HDEL', base .. 'call:' .. call, 'maxWaitMs')
      desk.set('call', call, 'moves', tonumber(moves or 0) + 1)
      desk.tell(controller, { type = 'moved', callId = call, queueId = due.queueId })
      return desk.enterLine(call, target, nowMs)
    end
    number = number + 1
    due = steps[number]
  end
  desk.takeOut(call, queue, needs)
  desk.unremind('wait', call)
  desk.set('call', call, 'state', 'held', 'step', number, 'due', cjson.encode(due or { type = 'hang-up' }))
  if why then desk.set('call', call, 'why', why) end
  redis.call('SADD', base .. 'held:' .. controller, call)
  desk.tell(controller, desk.overflowMessage(call))
end

-- The queue has been removed: nobody will come for those who wait in it.
function desk.queueGone(call)
  if desk.get('call', call, 'callBack') then return desk.giveUp(call) end
  desk.overflow(call, 'queue-gone')
end

-- Where the list was at its end nothing is left to offer.
function desk.overflowMessage(call)
  local due, why = desk.get('call', call, 'due', 'why')
  return { type = 'overflow', callId = call, step = due and cjson.decode(due) or { type = 'hang-up' }, why = why }
end
