"""The calls of a `RedisEngine`: Lua scripts, each of which Redis runs as one atomic step.

`KEYS[1]` is the prefix of all keys, with the hash tag. Ids and positions are decimal strings, because Lua's numbers are
exact only up to 2**53. All times are those of Redis.
"""

from __future__ import annotations

from .checks import MOST_HOLES, RECENT, SEEN
from .values import WORKERS

__all__ = [
    "ACCOUNTS",
    "ACK",
    "ADD",
    "ADMIT",
    "APPEND",
    "CLAIM",
    "DRAIN",
    "FORGET_GROUP",
    "LEASE",
    "LOG",
    "MEMBERS",
    "META",
    "PIN",
    "READ",
    "RELEASE",
    "REMOVE",
    "REPLACE_SESSIONS",
    "RESUME",
    "SAVE",
    "TRIM",
]

_COMMON = """
local prefix = KEYS[1]
local function key(name) return prefix .. name end
local function time()
  local now = redis.call('TIME')
  return tonumber(now[1]) + tonumber(now[2]) / 1000000
end
local function decimal(number) return string.format('%.6f', number) end
local function less(a, b)  -- positions: decimal strings, '' before all others
  if #a ~= #b then return #a < #b end
  return a < b
end
local function owner_of(group, name) return redis.call('HGET', key('owners:' .. group), name) or '' end
local function change(uid)  -- the revision is a time: one that Redis has forgotten is not given out again
  local last = tonumber(redis.call('GET', key('revision')) or '0')
  local revision = string.format('%.0f', math.max(last + 1, math.floor(time() * 1000000)))
  redis.call('SET', key('revision'), revision)
  redis.call('ZADD', key('changed'), revision, uid)
end
local function earlier(a, b)  -- cursors: ids of stream entries, '' before all others
  if a == '' or b == '' then return a == '' and b ~= '' end
  local a_time, a_number = string.match(a, '^(%d+)-(%d+)$')
  local b_time, b_number = string.match(b, '^(%d+)-(%d+)$')
  if a_time == b_time then return less(a_number, b_number) end
  return less(a_time, b_time)
end
local function last_entry(partition)
  local stream = key('log:' .. partition)
  if redis.call('EXISTS', stream) == 0 then return '' end
  local info = redis.call('XINFO', 'STREAM', stream)
  for index = 1, #info, 2 do
    if info[index] == 'last-generated-id' then return info[index + 1] end
  end
end
"""

# The arguments: app id, partitions or '', the number of partitions of a new fleet, an epoch for a new fleet
META = (
    _COMMON
    + """
if redis.call('EXISTS', key('meta')) == 0 then
  local partitions = ARGV[2] ~= '' and ARGV[2] or ARGV[3]
  redis.call('HSET', key('meta'), 'app_id', ARGV[1], 'partitions', partitions, 'epoch', ARGV[4])
end
return redis.call('HMGET', key('meta'), 'app_id', 'partitions')
"""
)

_MEMBERS = f"""
local function members(group, now)
  local found = redis.call('ZRANGEBYSCORE', key('members:' .. group), decimal(now - {SEEN}), '+inf', 'WITHSCORES')
  local result = {{}}
  for index = 1, #found, 2 do
    local flags = redis.call('HGET', key('info:' .. group), found[index]) or '00'
    result[#result + 1] = {{found[index], decimal(tonumber(found[index + 1]) - now), flags}}
  end
  return result
end
"""

# The argument is the group
MEMBERS = _COMMON + _MEMBERS + "return members(ARGV[1], time())"

# The arguments: group, incarnation, name, ttl, joining, draining, info, then those of META
LEASE = (
    _COMMON
    + _MEMBERS
    + f"""
local group, me, ttl = ARGV[1], ARGV[2], tonumber(ARGV[4])
local all, infos, now = key('members:' .. group), key('info:' .. group), time()
local app = redis.call('HGET', key('meta'), 'app_id')
if not app and ARGV[5] == '1' then
  redis.call('HSET', key('meta'), 'app_id', ARGV[8], 'partitions', ARGV[9], 'epoch', ARGV[10])
elseif app and app ~= ARGV[8] then
  return {{'FOREIGN', app}}
end
for _, old in ipairs(redis.call('ZRANGEBYSCORE', all, '-inf', '(' .. decimal(now - {SEEN}))) do
  redis.call('ZREM', all, old)
  redis.call('HDEL', infos, old)
end
local expires = tonumber(redis.call('ZSCORE', all, me) or '0')
local draining = string.sub(redis.call('HGET', infos, me) or '00', 1, 1)
if ARGV[6] == '1' then draining = '1' end
if ttl <= 0 then
  if expires == 0 or expires > now then expires = now end
  redis.call('HSET', infos, me, draining .. '1' .. ARGV[7])
else
  if expires == 0 then
    if ARGV[5] ~= '1' then return {{'OVER'}} end
    local name = ARGV[3] .. '~'
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', all, '(' .. decimal(now), '+inf')) do
      if string.sub(other, 1, #name) == name then
        return {{'IN USE', decimal(tonumber(redis.call('ZSCORE', all, other)) - now)}}
      end
    end
  elseif expires <= now then
    return {{'OVER'}}
  end
  expires = now + ttl
  redis.call('HSET', infos, me, draining .. '0' .. ARGV[7])
end
redis.call('ZADD', all, decimal(expires), me)
return {{'GRANTED', members(group, now), redis.call('HGET', key('meta'), 'epoch') or ''}}
"""
)

# The arguments: group, incarnation
DRAIN = (
    _COMMON
    + """
local expires = redis.call('ZSCORE', key('members:' .. ARGV[1]), ARGV[2])
if expires and tonumber(expires) > time() then
  local flags = redis.call('HGET', key('info:' .. ARGV[1]), ARGV[2]) or '00'
  redis.call('HSET', key('info:' .. ARGV[1]), ARGV[2], '1' .. string.sub(flags, 2))
end
"""
)

# The arguments: group, incarnation, number of partitions, then for each claim: key, nonce
CLAIM = (
    _COMMON
    + f"""
local group, me, partitions, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), time()
local function alive(incarnation)
  local expires = redis.call('ZSCORE', key('members:' .. group), incarnation)
  return expires and tonumber(expires) > now
end
if not alive(me) then return {{'OVER'}} end
local is_workers = group == '{WORKERS}'
if not is_workers then redis.call('SADD', key('groups'), group) end
local function unclaimable(name)
  if is_workers then
    if redis.call('HEXISTS', key('accounts'), name) == 0 then return 'unknown' end
    return redis.call('HEXISTS', key('parked'), name) == 1 and 'parked' or nil
  end
  local number = string.match(name, '^%d+$') and tonumber(name)
  if not number or number >= partitions or string.format('%d', number) ~= name then return 'unknown' end
end
local results = {{'CLAIMS'}}
for index = 4, #ARGV, 2 do
  local name, nonce = ARGV[index], ARGV[index + 1]
  local owner, refused, previous = owner_of(group, name), nil, ''
  local incarnation, owner_nonce = string.match(owner, '^([^:]*):%d+:(.*)$')
  if incarnation ~= me or owner_nonce ~= nonce then
    refused = unclaimable(name)
    if not refused and incarnation and alive(incarnation) then refused = 'owned' end
    if not refused then
      previous = owner
      local token = redis.call('HINCRBY', key('tokens:' .. group), name, 1)
      owner = me .. ':' .. string.format('%.0f', token) .. ':' .. nonce
      redis.call('HSET', key('owners:' .. group), name, owner)
      if is_workers then redis.call('HSET', key('sequences'), name, '0') end
    end
  end
  if refused then
    results[#results + 1] = {{refused, refused == 'owned' and owner or ''}}
  elseif is_workers then
    results[#results + 1] = {{
      '', owner, redis.call('HGET', key('sessions'), name), redis.call('HGET', key('revisions'), name) or '0',
      redis.call('HGET', key('positions'), name) or '', '', previous
    }}
  else
    local cursor = redis.call('HGET', key('cursors:' .. group), name) or ''
    results[#results + 1] = {{'', owner, false, '0', '', cursor, previous}}
  end
end
return results
"""
)

# The arguments: for each release, group, key, word, whether to park, reason
RELEASE = (
    _COMMON
    + """
local results = {}
for index = 1, #ARGV, 5 do
  local group, name, word = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local owner = owner_of(group, name)
  if owner == word then
    redis.call('HDEL', key('owners:' .. group), name)
    if ARGV[index + 3] == '1' then
      redis.call('HSET', key('parked'), name, ARGV[index + 4])
      change(name)
    end
    results[#results + 1] = {}
  else
    results[#results + 1] = {owner}
  end
end
return results
"""
)

# The arguments: for each append, uid, group, word, sequence, after, expected or '', partition, number of events,
#       then for each event: id or '', kind, '1' if it has a body, body
APPEND = (
    _COMMON
    + f"""
local results, index = {{}}, 1
local function append(uid, position, stream, first, last)
  local new, skipped, late, recent = 0, {{}}, {{}}, key('recent:' .. uid)
  for event = first, last, 4 do
    local id, kind, is_late, is_new = ARGV[event], ARGV[event + 1], '0', true
    if id ~= '' then
      if less(position, id) then
        position = id
      elseif redis.call('LPOS', recent, id) then
        skipped[#skipped + 1] = id
        is_new = false
      else
        late[#late + 1] = id
        is_late = '1'
      end
      if is_new then redis.call('RPUSH', recent, id) end
      -- here, not after the last event: an id that this append drops is not known to its later events
      if is_new then redis.call('LTRIM', recent, -{RECENT}, -1) end
    end
    if is_new then
      new = new + 1
      if ARGV[event + 2] == '1' then
        local entry = redis.call('XADD', stream, '*', 'u', uid, 'i', id, 'k', kind, 'l', is_late, 'b', ARGV[event + 3])
        if kind == 'hole' then
          redis.call('XADD', key('holes'), '*', 'u', uid, 'c', entry, 'b', ARGV[event + 3])
          redis.call('XTRIM', key('holes'), 'MAXLEN', {MOST_HOLES})
        end
      end
    end
  end
  return position, new, skipped, late
end
while index <= #ARGV do
  local uid, group, word, sequence, after, expected = unpack(ARGV, index, index + 5)
  local events = tonumber(ARGV[index + 7])
  local first, last = index + 8, index + 7 + 4 * events
  local stream = key('log:' .. ARGV[index + 6])
  index = last + 1
  local owner = owner_of(group, uid)
  local position = redis.call('HGET', key('positions'), uid) or ''
  local known = redis.call('HGET', key('sequences'), uid) or '0'
  local result
  if group ~= '{WORKERS}' or owner ~= word then
    result = {{'FENCED', owner}}
  elseif less(known, after) or less(position, expected) then
    result = {{'REWOUND', position, known}}
  elseif events == 0 then
    result = {{'APPENDED', position, known, 0, {{}}, {{}}, 0}}
  elseif not less(known, sequence) then
    result = {{'APPENDED', position, known, 0, {{}}, {{}}, 1}}
  else
    local new, skipped, late
    position, new, skipped, late = append(uid, position, stream, first, last)
    if position ~= '' then redis.call('HSET', key('positions'), uid, position) end
    redis.call('HSET', key('sequences'), uid, sequence)
    result = {{'APPENDED', position, sequence, new, skipped, late, 0}}
  end
  results[#results + 1] = result
end
return results
"""
)

# The arguments: for each save, uid, group, word, revision, '1' if there is a session, session, '1' if it forgets the position
SAVE = (
    _COMMON
    + """
local results = {}
for index = 1, #ARGV, 7 do
  local uid, group, word, revision = unpack(ARGV, index, index + 3)
  local owner = owner_of(group, uid)
  if owner ~= word then
    results[#results + 1] = {'FENCED', owner}
  else
    local known = redis.call('HGET', key('revisions'), uid) or '0'
    if less(known, revision) then
      if ARGV[index + 4] == '1' then
        redis.call('HSET', key('sessions'), uid, ARGV[index + 5])
      else
        redis.call('HDEL', key('sessions'), uid)
      end
      if ARGV[index + 6] == '1' then
        redis.call('HDEL', key('positions'), uid)
        redis.call('DEL', key('recent:' .. uid))
      end
      redis.call('HSET', key('revisions'), uid, revision)
      known = revision
    end
    results[#results + 1] = {'SAVED', known}
  end
end
return results
"""
)

# The arguments: places a second, burst, '1' if throttled. The same arithmetic as in gcra.py.
ADMIT = (
    _COMMON
    + """
local rate, burst, now = tonumber(ARGV[1]), tonumber(ARGV[2]), time()
local bucket, wait = redis.call('HMGET', key('bucket'), 'next_free', 'factor', 'throttled_at'), 0
local next_free, factor = tonumber(bucket[1] or '0'), tonumber(bucket[2] or '1')
local throttled_at = tonumber(bucket[3] or '-60')
local current = factor + (1 - factor) * math.min(1, math.max(0, (now - throttled_at) / 60))
if ARGV[3] == '1' then
  local passed = now - throttled_at
  if passed < 0 or passed >= 1 then
    factor, throttled_at = math.max(0.1, current / 2), now
  end
else
  local interval, arrival = 1 / (rate * current), math.max(next_free, now)
  wait = math.max(0, arrival - (burst - 1) * interval - now)
  next_free = arrival + interval
end
redis.call('HSET', key('bucket'), 'next_free', decimal(next_free), 'factor', decimal(factor),
  'throttled_at', decimal(throttled_at))
return decimal(wait)
"""
)

# The arguments: for each read, partition, cursor or '', most
READ = (
    _COMMON
    + """
local results = {}
for index = 1, #ARGV, 3 do
  local partition, after = ARGV[index], ARGV[index + 1]
  local start = after == '' and '-' or '(' .. after
  local entries = redis.call('XRANGE', key('log:' .. partition), start, '+', 'COUNT', ARGV[index + 2])
  local rewound = #entries == 0 and earlier(last_entry(partition), after)
  results[#results + 1] = {rewound and 1 or 0, entries}
end
return results
"""
)

# The arguments: for each ack, group, partition, word, cursor
ACK = (
    _COMMON
    + """
local results = {}
for index = 1, #ARGV, 4 do
  local group, partition, word, cursor = unpack(ARGV, index, index + 3)
  local owner = owner_of(group, partition)
  if owner ~= word then
    results[#results + 1] = {'FENCED', owner}
  else
    local known = redis.call('HGET', key('cursors:' .. group), partition) or ''
    if earlier(known, cursor) and not earlier(last_entry(partition), cursor) then
      redis.call('HSET', key('cursors:' .. group), partition, cursor)
      known = cursor
    end
    results[#results + 1] = {'ACKED', known}
  end
end
return results
"""
)

# The arguments: number of partitions, seconds
TRIM = (
    _COMMON
    + """
local removed = 0
local oldest = string.format('%.0f', math.floor((time() - tonumber(ARGV[2])) * 1000) + 1) .. '-0'
for partition = 0, tonumber(ARGV[1]) - 1 do
  local stream = key('log:' .. partition)
  local least = oldest
  for _, group in ipairs(redis.call('SMEMBERS', key('groups'))) do
    local cursor = redis.call('HGET', key('cursors:' .. group), tostring(partition))
    local milliseconds, number = string.match(cursor or '0-0', '^(%d+)-(%d+)$')
    local behind = cursor and milliseconds .. '-' .. string.format('%.0f', tonumber(number) + 1) or '0-0'
    if earlier(behind, least) then least = behind end
  end
  removed = removed + redis.call('XTRIM', stream, 'MINID', '=', least)
end
return removed
"""
)

# The argument is the number of partitions
LOG = (
    _COMMON
    + """
local now, groups, results = time(), redis.call('SMEMBERS', key('groups')), {}
local function age(stream, start)  -- of the first entry from there on, in seconds
  local found = redis.call('XRANGE', stream, start, '+', 'COUNT', 1)[1]
  return found and decimal(math.max(0, now - tonumber(string.match(found[1], '^%d+')) / 1000)) or '0'
end
for partition = 0, tonumber(ARGV[1]) - 1 do
  local stream = key('log:' .. partition)
  local result = {redis.call('XLEN', stream), age(stream, '-')}
  for _, group in ipairs(groups) do
    local cursor = redis.call('HGET', key('cursors:' .. group), tostring(partition))
    result[#result + 1] = group
    result[#result + 1] = age(stream, cursor and '(' .. cursor or '-')
  end
  results[#results + 1] = result
end
return results
"""
)

# The arguments: for each session, uid, old session, new session
REPLACE_SESSIONS = (
    _COMMON
    + """
local results = {}
for index = 1, #ARGV, 3 do
  local is_same = redis.call('HGET', key('sessions'), ARGV[index]) == ARGV[index + 1]
  if is_same then redis.call('HSET', key('sessions'), ARGV[index], ARGV[index + 2]) end
  results[#results + 1] = is_same and 1 or 0
end
return results
"""
)

# The arguments: revision or ''
ACCOUNTS = (
    _COMMON
    + """
local revision, now = redis.call('GET', key('revision')) or '0', time()
local since = ARGV[1]
local complete = since == '' or less(revision, since)
local result = {revision, complete and 1 or 0}
for _, uid in ipairs(redis.call('ZRANGEBYSCORE', key('changed'), complete and '-inf' or '(' .. since, '+inf')) do
  local metadata = redis.call('HGET', key('accounts'), uid)
  if metadata or not complete then
    local pin = redis.call('HGET', key('pins'), uid) or '0 '
    local expires, worker = string.match(pin, '^(%S+) (.*)$')
    local remaining = math.max(0, tonumber(expires) - now)
    result[#result + 1] = {uid, metadata, decimal(remaining), worker, redis.call('HGET', key('parked'), uid)}
  end
end
return result
"""
)

# The arguments: for each account, uid, metadata
ADD = (
    _COMMON
    + """
for index = 1, #ARGV, 2 do
  if redis.call('HGET', key('accounts'), ARGV[index]) ~= ARGV[index + 1] then
    redis.call('HSET', key('accounts'), ARGV[index], ARGV[index + 1])
    change(ARGV[index])
  end
end
"""
)

# The arguments: the uids
REMOVE = (
    _COMMON
    + f"""
for _, uid in ipairs(ARGV) do
  if redis.call('HDEL', key('accounts'), uid) == 1 then
    local tables = {{'parked', 'pins', 'owners:{WORKERS}', 'sessions', 'revisions', 'positions', 'sequences'}}
    for _, name in ipairs(tables) do redis.call('HDEL', key(name), uid) end
    redis.call('DEL', key('recent:' .. uid))
    change(uid)
  end
end
"""
)

# The arguments: uid, worker or '', seconds
PIN = (
    _COMMON
    + """
if redis.call('HEXISTS', key('accounts'), ARGV[1]) == 1 then
  if ARGV[2] == '' then
    redis.call('HDEL', key('pins'), ARGV[1])
  else
    redis.call('HSET', key('pins'), ARGV[1], decimal(time() + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
  end
  change(ARGV[1])
end
"""
)

# The arguments: the uids
RESUME = (
    _COMMON
    + """
for _, uid in ipairs(ARGV) do
  if redis.call('HDEL', key('parked'), uid) == 1 then change(uid) end
end
"""
)

# The argument is the group
FORGET_GROUP = (
    _COMMON
    + """
redis.call('DEL', key('owners:' .. ARGV[1]), key('cursors:' .. ARGV[1]))
redis.call('SREM', key('groups'), ARGV[1])
"""
)
