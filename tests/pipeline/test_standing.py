"""What is left of an account is taken down when it changes, and can be asked for without the backend."""

from collections.abc import Mapping

from ccproxy_cli.backends.base import AccountBackend
from ccproxy_cli.backends.echo import EchoBackend
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.pipeline.standing import Standing, standing
from ccproxy_cli.stores.behind import WriteBehind
from ccproxy_cli.stores.memory import MemoryStore
from tests.stores.conftest import Clock
from tests.stores.shaky import Shaky


class Paid(EchoBackend, AccountBackend):
    """Echoes on somebody's account."""

    told: Mapping[str, JSON] = {}

    async def account(self) -> str | None:
        return None

    @property
    def told_last(self) -> Mapping[str, JSON]:
        return self.told


async def test_what_was_told_last_is_taken_down_once() -> None:
    store, paid = Shaky(MemoryStore(Clock())), Paid("paid")
    later = WriteBehind(store, pause=1000)
    noting = Standing(later, {"paid": paid, "echo": EchoBackend()})
    for name in ("paid", "echo", "nobody"):
        noting.note(name)
    await later.flush()
    assert store.calls == 0
    assert await standing(store, "paid") == {}
    paid.told = {"five_hour": {"utilization": 0.5}}
    for _ in range(3):
        noting.note("paid")
        await later.flush()
    assert store.calls == 2
    assert await standing(store, "paid") == paid.told


async def test_what_is_no_object_tells_nothing() -> None:
    store = MemoryStore(Clock())
    for value in (b"", b"[1]", b"{"):
        await store.put("standing/paid", value, 60)
        assert await standing(store, "paid") == {}
