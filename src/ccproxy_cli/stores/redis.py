"""A store in a Redis or Valkey server, for instances on several machines. The server's clock is everybody's."""

import asyncio
import hashlib
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import field, frozen
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from typing_extensions import override

from ccproxy_cli.stores.base import Bucket, Spent, Store, StoreError

PREFIX = "ccproxy:"
"""Before every key, for a server may serve others too."""
_CONNECTIONS = 32
_SECONDS = 2.0
"""For a connection, a free one, or an answer."""


@frozen
class _Script:
    """Steps that the server does as one."""

    text: str
    sha: str = field(init=False)

    @sha.default
    def _named(self) -> str:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()  # how the server names scripts


# KEYS: the bucket. ARGV: rate, size, units, whether it may be overdrawn. Numbers travel as text: the server would cut their fractions.
_SPEND = _Script("""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local rate, size, units = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('HMGET', KEYS[1], 'held', 'at')
local held = size
if found[1] then
  held = math.min(size, found[1] + math.max(0, now - found[2]) * rate)
end
local granted = units <= held or ARGV[4] == '1'
if granted then
  held = math.min(size, held - units)
end
redis.call('HSET', KEYS[1], 'held', string.format('%.17g', held), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((size - held) / rate * 1000) + 1))
return {granted and 1 or 0, string.format('%.17g', held)}
""")

# KEYS: the counters, and the index of all counters by the time they end. ARGV: the key in the index, lifetime in ms, names and amounts.
_ADD = _Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for index = 3, #ARGV, 2 do
  redis.call('HINCRBYFLOAT', KEYS[1], ARGV[index], ARGV[index + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
return 1
""")


class RedisStore(Store):
    """State in a Redis or Valkey server, 5 or later. Connects with the first step."""

    def __init__(self, url: str, prefix: str = PREFIX) -> None:
        """
        Args:
            url: `redis://`, `rediss://` with TLS, or `unix://`; `ssl_ca_certs=FILE` and the like may follow a question mark.

        Raises:
            ValueError: it is no such address.
        """
        self._where, self._password = _shown(url)
        self._prefix = prefix
        # A step that was cut off may have been done: to do it again is for whoever asked.
        self._client = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=_SECONDS,
                socket_timeout=_SECONDS,
                socket_connect_timeout=_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        )

    def __repr__(self) -> str:
        return f"<RedisStore {self._where}>"

    def __str__(self) -> str:
        return f"the store at {self._where}"

    @override
    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._do("GET", self._key("value", key))
        return value

    @override
    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        await self._do("SET", self._key("value", key), value, "PX", _milliseconds(lifetime))

    @override
    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        return bool(await self._do("SET", self._key("value", key), value, "PX", _milliseconds(lifetime), "NX"))

    @override
    async def delete(self, key: str) -> None:
        await self._do("DEL", self._key("value", key))

    @override
    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        granted, text = await self._run(
            _SPEND, [self._key("bucket", bucket.key)], float(bucket.rate), float(bucket.size), float(units), int(in_debt)
        )
        left = float(text)
        if granted:
            return Spent(True, 0.0, left)
        return Spent(False, math.inf if units > bucket.size else (units - left) / bucket.rate, left)

    @override
    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        pairs = [word for name, amount in amounts.items() for word in (name, float(amount))]
        await self._run(_ADD, [self._key("counters", key), self._index], key, _milliseconds(lifetime), *pairs)

    @override
    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        names: list[bytes] = await self._do("ZRANGE", self._index, 0, -1)
        keys = [key for key in (name.decode() for name in names) if key.startswith(prefix)]
        found = await asyncio.gather(*(self._do("HGETALL", self._key("counters", key)) for key in keys))
        return {
            key: {name.decode(): float(amount) for name, amount in amounts.items()}
            for key, amounts in zip(keys, found, strict=True)
            if amounts
        }

    @override
    async def aclose(self) -> None:
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    @property
    def _index(self) -> str:
        return f"{self._prefix}counted"

    def _key(self, kind: str, key: str) -> str:
        return f"{self._prefix}{kind}:{key}"

    async def _run(self, script: _Script, keys: list[str], *arguments: str | float) -> Any:
        try:
            return await self._do("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except StoreError as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self._do("EVAL", script.text, len(keys), *keys, *arguments)

    async def _do(self, *command: str | bytes | float) -> Any:
        try:
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            raise StoreError(self._told(str(error) or type(error).__name__)) from error

    def _told(self, message: str) -> str:
        text = f"{self} cannot be used: {message}"
        return text if not self._password else text.replace(self._password, "***")


def _shown(url: str) -> tuple[str, str | None]:
    """An address without what is secret in it, and the password. Raises `ValueError` if it names no database by number."""
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss") and not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError(f"{parts.path} is not the number of a database")  # the client would use number 0 instead
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return where, None if parts.password is None else unquote(parts.password)


def _milliseconds(lifetime: float) -> int:
    return max(1, math.ceil(lifetime * 1000))
