-- Who is rung for whom. After every operation no free agent is left who could serve somebody waiting.

local decodedNeeds = {}
function desk.meets(profile, needs)
  local wants = decodedNeeds[needs]
  if not wants then
    wants = cjson.decode(needs)
    decodedNeeds[needs] = wants
  end
  if wants.language and not profile.languages[wants.language] then return false end
  for name, level in pairs(wants.skills) do
    if (profile.skills[name] or 0) < level then return false end
  end
  return true
end

local function maySee(agent, profile, call)
  local account, skipped = desk.get('call', call, 'account', 'skip:' .. agent)
  return not skipped and not profile.refused[account]
end

-- The first in line of those this agent can serve, over all their queues; a look at the heads is enough.
local function callerFor(agent)
  local profile = desk.profile(agent)
  local best, bestScore
  for _, queue in ipairs(profile.queues) do
    for _, needs in ipairs(redis.call('SMEMBERS', base .. 'needs:' .. queue)) do
      if desk.meets(profile, needs) then
        local key, from, looking = base .. 'waiting:' .. queue .. ':' .. needs, 0, true
        while looking do
          local heads = redis.call('ZRANGE', key, from, from + 7, 'WITHSCORES')
          for index = 1, #heads, 2 do
            local score = tonumber(heads[index + 1])
            looking = not bestScore or score < bestScore
            if not looking then break end
            if maySee(agent, profile, heads[index]) then
              best, bestScore, looking = heads[index], score, false
              break
            end
          end
          looking = looking and #heads == 16
          from = from + 8
        end
      end
    end
  end
  return best
end

-- Sum of the levels that the caller's needs name.
local function fitness(profile, needs)
  local sum = 0
  for name in pairs(decodedNeeds[needs].skills) do sum = sum + (profile.skills[name] or 0) end
  return sum
end

-- Free agents for this caller, by the queue's strategy.
local function agentsFor(call, moreToMatch)
  local queue, needs = desk.get('call', call, 'queue', 'needs')
  local settings = desk.queue(queue)
  local most = settings.strategy == 'ring-several' and settings.ringCount or 1
  local found, bestFitness, from = {}, -1, 0
  while true do
    local agents = redis.call('ZRANGE', base .. 'free:' .. queue, from, from + 31)
    for _, agent in ipairs(agents) do
      local profile = desk.profile(agent)
      local fits = desk.meets(profile, needs) and maySee(agent, profile, call)
      -- While others have still to be matched, this agent may be the one for somebody before this caller.
      if fits and (not moreToMatch or callerFor(agent) == call) then
        if settings.strategy == 'best-skill' then
          local fit = fitness(profile, needs)
          if fit > bestFitness then found, bestFitness = { agent }, fit end
        else
          found[#found + 1] = agent
          if #found == most then return found end
        end
      end
    end
    if #agents < 32 then return found end
    from = from + 32
  end
end

-- Somebody is free whom nothing keeps from this caller.
function desk.canBeServed(call)
  local queue = desk.get('call', call, 'queue')
  return desk.queue(queue) ~= nil and #agentsFor(call, false) > 0
end

local function reserve(call, agents)
  local queue, needs, controller = desk.get('call', call, 'queue', 'needs', 'controller')
  local settings = desk.queue(queue)
  desk.takeOut(call, queue, needs)
  desk.set('call', call, 'state', 'offered')
  for _, agent in ipairs(agents) do
    local offer = desk.makeOffer(call, agent, controller, queue)
    redis.call('SADD', base .. 'ringing:' .. call, offer)
    desk.tell(controller, { type = 'offer', offer = desk.describe(offer) })
  end
end

-- Reserves the agent for the call; gives the offer.
function desk.makeOffer(call, agent, controller, queue)
  local number = redis.call('HINCRBY', base .. 'meta', 'offers', 1)
  local offer = string.format('%.0f-%d', nowMs, number)
  desk.set('offer', offer, 'call', call, 'agent', agent, 'controller', controller, 'queue', queue, 'state', 'reserved')
  redis.call('SADD', base .. 'offers:' .. controller, offer)
  desk.remind('offer', offer, nowMs + desk.reservedMs)
  desk.leaveFree(agent)
  desk.set('agent', agent, 'offer', offer, 'call', call, 'turn', redis.call('HINCRBY', base .. 'meta', 'turns', 1))
  desk.setState(agent, 'reserved', '', call)
  return offer
end

-- What a controller must know of an offer; nil when it is gone.
function desk.describe(offer)
  local call, agent, queue = desk.get('offer', offer, 'call', 'agent', 'queue')
  if not call then return nil end
  local settings, profile = desk.settingsOf(queue), desk.profile(agent)
  return {
    offerId = offer,
    callId = call,
    agentId = agent,
    displayName = profile and profile.displayName or agent,
    ringTimeoutMs = settings.ringTimeoutMs,
    pressOneToAccept = settings.pressOneToAccept,
    isCallBack = desk.get('call', call, 'callBack') ~= false,
    isTransfer = desk.get('offer', offer, 'transfer') ~= false,
  }
end

local function sortedBy(set, number)
  local list = {}
  for id in pairs(set) do
    local value = tonumber(number(id))
    if value then list[#list + 1] = { id = id, value = value } end
  end
  table.sort(list, function(a, b) return a.value < b.value or (a.value == b.value and a.id < b.id) end)
  return list
end

-- Agents who became free take the first they can serve; then those who came into the line take who is free.
function desk.match()
  for _, freed in ipairs(sortedBy(desk.freed, function(agent) return desk.get('agent', agent, 'idle') end)) do
    while desk.profile(freed.id) and desk.get('agent', freed.id, 'state') == 'available' do
      local call = callerFor(freed.id)
      if not call then break end
      local agents = agentsFor(call, true)
      if #agents == 0 then error('a free agent is not in the list of the queue') end
      reserve(call, agents)
    end
  end
  for _, caller in ipairs(sortedBy(desk.putBack, function(call) return desk.get('call', call, 'score') end)) do
    local state, orphan, after, shut = desk.get('call', caller.id, 'state', 'orphan', 'after', 'shut')
    if state == 'waiting' and not orphan and not after and not shut then
      local agents = agentsFor(caller.id, false)
      if #agents > 0 then reserve(caller.id, agents) end
    end
  end
  desk.freed, desk.putBack = {}, {}
end
