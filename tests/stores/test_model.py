"""Every store does what a dictionary with a clock does, whatever is asked of it in whatever order."""

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ccproxy_cli.stores.base import Bucket
from tests.stores.conftest import Timed, in_memory, in_redis, in_sqlite
from tests.stores.redis_server import RedisServer

_T = TypeVar("_T")

KEYS = st.sampled_from(["a", "a/b", "b", "ä%_"])
LIFETIMES = st.sampled_from([100, 200, 400])
BUCKETS = st.sampled_from([Bucket("a", rate=0.05, size=10), Bucket("a/b", rate=0.1, size=40)])
# No sum of what is refilled and taken comes near a limit: real time that passes during a test must not decide what is granted.
UNITS = st.sampled_from([-3.5, 0, 2.5, 4.5, 9.5])
SECONDS = st.sampled_from([30, 70, 110, 310])


class Model(RuleBasedStateMachine):
    """A store beside what it should hold."""

    def __init__(self, make: Callable[[], Timed]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.timed = self.run(_made(make))
        self.store = self.timed.store
        self.now = 0.0
        self.values: dict[str, tuple[bytes, float]] = {}
        self.held: dict[str, tuple[float, float]] = {}
        self.sums: dict[str, tuple[dict[str, float], float]] = {}

    def run(self, awaitable: Awaitable[_T]) -> _T:
        async def awaited() -> _T:
            return await awaitable

        return self.runner.run(awaited())

    def teardown(self) -> None:
        self.run(self.timed.close())
        self.run(self.store.aclose())
        self.runner.close()

    def alive(self, key: str) -> bool:
        return key in self.values and self.values[key][1] > self.now

    @rule(key=KEYS, value=st.binary(max_size=8), lifetime=LIFETIMES)
    def put(self, key: str, value: bytes, lifetime: float) -> None:
        self.run(self.store.put(key, value, lifetime))
        self.values[key] = (value, self.now + lifetime)

    @rule(key=KEYS, value=st.binary(max_size=8), lifetime=LIFETIMES)
    def put_new(self, key: str, value: bytes, lifetime: float) -> None:
        kept = self.run(self.store.put_new(key, value, lifetime))
        assert kept is not self.alive(key)
        if kept:
            self.values[key] = (value, self.now + lifetime)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.run(self.store.delete(key))
        self.values.pop(key, None)

    @rule(bucket=BUCKETS, units=UNITS, in_debt=st.booleans())
    def spend(self, bucket: Bucket, units: float, in_debt: bool) -> None:
        held, at = self.held.get(bucket.key, (bucket.size, self.now))
        held = min(bucket.size, held + (self.now - at) * bucket.rate)
        if abs(held - units) < 0.4:  # too close to be told while real time passes
            return
        spent = self.run(self.store.spend(bucket, units, in_debt=in_debt))
        assert spent.granted is (in_debt or units <= held)
        if spent.granted:
            held = min(bucket.size, held - units)
        else:
            assert spent.wait == pytest.approx((units - held) / bucket.rate, abs=8)
        assert spent.left == pytest.approx(held, abs=0.4)
        self.held[bucket.key] = (held, self.now)

    @rule(key=KEYS, name=st.sampled_from("xy"), amount=st.integers(-5, 5), lifetime=LIFETIMES)
    def add(self, key: str, name: str, amount: float, lifetime: float) -> None:
        self.run(self.store.add(key, {name: amount / 4}, lifetime))
        sums, deadline = self.sums.get(key, ({}, 0.0))
        sums = dict(sums) if deadline > self.now else {}
        sums[name] = sums.get(name, 0) + amount / 4
        self.sums[key] = (sums, self.now + lifetime)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.run(self.timed.pass_time(seconds))
        self.now += seconds

    @rule(prefix=st.sampled_from(["", "a", "a/", "ä%", "%"]))
    def count(self, prefix: str) -> None:
        expected = {key: sums for key, (sums, deadline) in self.sums.items() if deadline > self.now and key.startswith(prefix)}
        assert self.run(self.store.counters(prefix)) == expected

    @invariant()
    def values_agree(self) -> None:
        for key in ("a", "a/b", "b", "ä%_"):
            assert self.run(self.store.get(key)) == (self.values[key][0] if self.alive(key) else None)


async def _made(make: Callable[[], Timed]) -> Timed:
    return make()


def check(make: Callable[[], Timed], examples: int) -> None:
    bounds: Any = settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: Model(make), settings=bounds)  # type: ignore[arg-type]


def test_the_store_in_this_process() -> None:
    check(in_memory, 60)


def test_the_store_in_a_file(tmp_path: Path) -> None:
    check(lambda: in_sqlite(Path(tempfile.mkdtemp(dir=tmp_path))), 20)


def test_the_store_in_a_server(redis_server: RedisServer) -> None:
    check(lambda: in_redis(redis_server.url, f"{uuid.uuid4()}:"), 20)
