"""A store that can be taken away."""

from collections.abc import Mapping

from attrs import define
from typing_extensions import override

from ccproxy_cli.stores.base import Bucket, Spent, Store, StoreError


@define
class Shaky(Store):
    """Another store, while it can be reached."""

    store: Store
    is_there: bool = True
    calls: int = 0

    def _reached(self) -> Store:
        self.calls += 1
        if not self.is_there:
            raise StoreError("the store is gone")
        return self.store

    @override
    async def get(self, key: str) -> bytes | None:
        return await self._reached().get(key)

    @override
    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        await self._reached().put(key, value, lifetime)

    @override
    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        return await self._reached().put_new(key, value, lifetime)

    @override
    async def delete(self, key: str) -> None:
        await self._reached().delete(key)

    @override
    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        return await self._reached().spend(bucket, units, in_debt=in_debt)

    @override
    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        await self._reached().add(key, amounts, lifetime)

    @override
    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        return await self._reached().counters(prefix)

    @override
    async def aclose(self) -> None:
        await self.store.aclose()
