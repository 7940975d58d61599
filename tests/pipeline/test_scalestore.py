"""What was learned of estimates outlives a process, and what is no scale of this version is as good as nothing."""

import msgspec
import pytest

from ccproxy_cli.core.estimate import Scale
from ccproxy_cli.pipeline.scalestore import StoredScales, packed, unpacked
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.opening import Stores
from tests.stores.conftest import Clock
from tests.stores.shaky import Shaky

LEARNED = Scale().after(1000, 2000)


async def test_another_process_goes_on_from_what_was_learned() -> None:
    store = MemoryStore(Clock())
    stores = Stores(store, store)
    await StoredScales(stores, Clock()).keep("up/m", LEARNED)
    assert await StoredScales(stores, Clock()).scale("up/m") == LEARNED
    await stores.later.flush()
    assert await StoredScales(Stores(store, store), Clock()).scale("up/m") == LEARNED
    assert await StoredScales(Stores(store, store), Clock()).scale("up/other") == Scale()


async def test_the_store_is_asked_once_for_a_model_that_is_known() -> None:
    shaky = Shaky(MemoryStore(Clock()))
    stores = Stores(shaky, shaky)
    scales = StoredScales(stores, Clock())
    await scales.keep("up/m", LEARNED)
    for _ in range(5):
        assert await scales.scale("up/m") == LEARNED
    assert shaky.calls == 0
    await stores.later.flush()
    again = StoredScales(Stores(shaky, shaky), Clock())
    for _ in range(5):
        assert await again.scale("up/m") == LEARNED
    assert shaky.calls == 2


@pytest.mark.parametrize("told", [(2, 1.0, 1.0), (1, 0.0, 1.0), (1, 1.0, float("inf")), (1, float("nan"), 1.0), (1, -1.0, 1.0), (1, 1.0)])
def test_what_is_no_scale_counts_for_nothing(told: tuple[float, ...]) -> None:
    assert unpacked(msgspec.msgpack.encode(told)) == Scale()
    assert unpacked(b"\xff") == Scale()
    assert unpacked(packed(LEARNED)) == LEARNED
