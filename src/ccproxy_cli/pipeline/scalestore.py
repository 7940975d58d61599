"""What was learned of estimates, in a store, so that it outlives the process and other instances know of it."""

import math
import time
from collections.abc import Callable

import msgspec
from typing_extensions import override

from ccproxy_cli.core.estimate import Scale
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.pipeline.calibration import RecentScales, Scales
from ccproxy_cli.stores.opening import Stores

_LIFETIME = 30 * 24 * 3600.0
_VERSION = 1
_DECODER = msgspec.msgpack.Decoder(tuple[int, float, float])


class StoredScales(Scales):
    """Scales in a store, those of late in memory too. Instances learn beside each other, and who starts goes on from the last to write."""

    def __init__(self, stores: Stores, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only go forward."""
        self._stores = stores
        self._recent = RecentScales(clock)

    @override
    async def scale(self, target: str) -> Scale:
        scale = await self._recent.scale(target)
        if scale != Scale():
            return scale
        key = _key(target)
        found = self._stores.later.waiting(key) or await self._stores.kept.get(key)
        scale = unpacked(found) if found is not None else scale
        await self._recent.keep(target, scale)
        return scale

    @override
    async def keep(self, target: str, scale: Scale) -> None:
        await self._recent.keep(target, scale)
        self._stores.later.put(_key(target), packed(scale), _LIFETIME)


def packed(scale: Scale) -> bytes:
    """A scale as bytes."""
    return msgspec.msgpack.encode((_VERSION, scale.estimated, scale.billed))


def unpacked(data: bytes) -> Scale:
    """The scale that bytes of this version hold, else a new one."""
    try:
        version, estimated, billed = _DECODER.decode(data)
    except msgspec.MsgspecError:
        return Scale()
    sound = version == _VERSION and all(0 < value < math.inf for value in (estimated, billed))
    return Scale(estimated, billed) if sound else Scale()


def _key(target: str) -> str:
    return f"scale/{digest_id(target)}"
