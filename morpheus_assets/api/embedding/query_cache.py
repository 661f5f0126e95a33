"""In front of the providers and the search: query vectors and search answers, bounded in time and size.

Every key holds the fingerprint of a space, so a switch can never serve vectors of the old one. They lie in Redis, or
in this process where none is set; while a Redis is down, everything is a miss.
"""

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

PREFIX = "morpheus:1:"
# While Redis is down it is asked again only this often, so that no request waits for it.
_PAUSE_SECONDS = 5.0
_TIMEOUT_SECONDS = 0.5
# Without Redis: some thousand questions, so that who looks further at the same one does not pay for it again.
_MOST_BYTES_IN_PROCESS = 16 * 1024 * 1024
_log = logging.getLogger("morpheus.cache")

# One round trip stores an entry, forgets what has expired and evicts the oldest until the rest fits.
_PUT = """
local index, sizes, total = KEYS[1], KEYS[2], KEYS[3]
local now, ttl, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local function forget(key)
  local size = redis.call('HGET', sizes, key)
  redis.call('ZREM', index, key)
  redis.call('HDEL', sizes, key)
  if size then redis.call('DECRBY', total, size) end
end
for _, key in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now - ttl, 'LIMIT', 0, 200)) do forget(key) end
for i = 4, #ARGV, 2 do
  local key, value = ARGV[i], ARGV[i + 1]
  local size = #key + #value + 200
  forget(key)
  if size <= limit then
    redis.call('SET', key, value, 'EX', ttl)
    redis.call('ZADD', index, now, key)
    redis.call('HSET', sizes, key, size)
    redis.call('INCRBY', total, size)
  end
end
while tonumber(redis.call('GET', total) or '0') > limit do
  local oldest = redis.call('ZPOPMIN', index)
  if #oldest == 0 then redis.call('SET', total, 0) break end
  local size = redis.call('HGET', sizes, oldest[1])
  redis.call('DEL', oldest[1])
  redis.call('HDEL', sizes, oldest[1])
  if size then redis.call('DECRBY', total, size) end
end
return tonumber(redis.call('GET', total))
"""


def vector_key(fingerprint: str, input_type: str, content: bytes) -> str:
    """The key of a vector: the space's fingerprint, how it was asked for, and the hash of the content."""
    return f"{PREFIX}v:{fingerprint[:24]}:{input_type}:{content.hex()}"


def answer_key(parts: Sequence[str]) -> str:
    """The key of a search answer: everything that it depends on, spaces and stored content included."""
    return f"{PREFIX}a:{hashlib.sha256(repr(list(parts)).encode('utf-8', 'surrogatepass')).hexdigest()}"


class _InProcess:
    """Entries of this process, the ones that were not asked for longest going first."""

    def __init__(self, ttl_seconds: int, max_bytes: int) -> None:
        self._ttl, self._most = ttl_seconds, max_bytes
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        found = {}
        for key in keys:
            until, value = self._entries.get(key, (0.0, b""))
            if until > time.monotonic():
                self._entries.move_to_end(key)
                found[key] = value
        return found

    def put(self, entries: Mapping[str, bytes]) -> None:
        until = time.monotonic() + self._ttl
        for key, value in entries.items():
            _, former = self._entries.pop(key, (0.0, b""))
            self._entries[key] = (until, value)
            self._bytes += len(value) - len(former)
        while self._bytes > self._most:
            _, (_, value) = self._entries.popitem(last=False)
            self._bytes -= len(value)


class QueryCache:
    """A bounded cache in Redis; every fault of Redis is a miss, said once in the log until it is back."""

    def __init__(self, url: str | None, *, ttl_seconds: int = 3600, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._ttl = ttl_seconds
        self._max_bytes = max_bytes
        self._silent_until = 0.0
        self._warned = False
        self._client: Any = None
        self._put: Any = None
        self._here = None if url else _InProcess(ttl_seconds, min(max_bytes, _MOST_BYTES_IN_PROCESS))
        if url:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            self._client = Redis.from_url(
                url,
                socket_timeout=_TIMEOUT_SECONDS,
                socket_connect_timeout=_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),
            )
            self._put = self._client.register_script(_PUT)

    @property
    def configured(self) -> bool:
        """Whether there is a Redis at all."""
        return self._client is not None

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The entries that are there, by key."""
        if self._here is not None:
            return self._here.get(keys)
        found = await self._try(lambda: self._client.mget(list(keys))) if keys else None
        return {key: value for key, value in zip(keys, found or (), strict=False) if value is not None}

    async def put(self, entries: Mapping[str, bytes]) -> None:
        """Store entries; the oldest go when there is no room."""
        if self._here is not None:
            self._here.put(entries)
            return
        if not entries:
            return
        names = [f"{PREFIX}index", f"{PREFIX}sizes", f"{PREFIX}bytes"]
        arguments: list[Any] = [time.time(), self._ttl, self._max_bytes]
        for key, value in entries.items():
            arguments += [key, value]
        await self._try(lambda: self._put(keys=names, args=arguments))

    async def alive(self) -> bool:
        """Whether Redis answers now; asks it also while it is left alone after a fault."""
        self._silent_until = 0.0
        return bool(await self._try(lambda: self._client.ping()))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _try(self, call: Any) -> Any:
        from redis.exceptions import RedisError

        if self._client is None or time.monotonic() < self._silent_until:
            return None
        try:
            answer = await call()
        except (RedisError, OSError, TimeoutError) as error:
            self._silent_until = time.monotonic() + _PAUSE_SECONDS
            if not self._warned:
                self._warned = True
                _log.warning("Redis does not answer (%s): going on without the cache.", type(error).__name__)
            return None
        if self._warned:
            self._warned = False
            _log.warning("Redis answers again: the cache is in use.")
        return answer
