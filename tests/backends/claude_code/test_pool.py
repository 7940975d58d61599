"""The pool's own rules, tried on processes that are none: how many, for whom, how long, and what when they fail."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.pool import Pool
from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.backends.claude_code.recipe import Recipe, Stamp
from ccproxy_cli.backends.slots import Slots
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.core.jsontext import dumps, loads


class Dummy:
    """A process as the pool sees it."""

    def __init__(self, recipe: Recipe, mood: str) -> None:
        self.recipe = recipe
        self.mood = mood
        self.exit_status: int | None = None
        self._gone = asyncio.Event()
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def write(self, data: bytes) -> None:
        servers = [] if self.mood != "connected" else [{"name": "drive", "status": "connected"}]
        response = {"subtype": "success", "request_id": loads(data)["request_id"], "response": {"mcpServers": servers}}
        if self.mood != "deaf":
            self._lines.put_nowait(b'{"type":"system"}')
            self._lines.put_nowait(dumps({"type": "control_response", "response": response}))

    async def next_line(self) -> bytes | None:
        if self.mood == "dies":
            self.die()
            return None
        return await self._lines.get()

    async def exited(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)
        return self._gone.is_set()

    def die(self) -> None:
        self.exit_status = 0
        self._gone.set()

    async def end(self) -> None:
        await asyncio.sleep(0)
        self.die()


@define
class Yard:
    """Where dummies are made."""

    most: int = 4
    mood: str = "well"
    stamp: int = 1
    made: list[Dummy] = field(factory=list)
    too_many: bool = False

    def recipe(self, model: str) -> Recipe:
        if self.mood == "missing":
            raise UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, "no CLI"))
        return Recipe(model, ("claude", model), {}, Stamp(1, 1, 1, self.stamp))

    async def start(self, recipe: Recipe) -> Child:
        await asyncio.sleep(0)
        self.made.append(Dummy(recipe, self.mood))
        self.too_many = self.too_many or len(self.alive) > self.most
        return cast("Child", self.made[-1])

    @property
    def alive(self) -> list[Dummy]:
        return [dummy for dummy in self.made if dummy.exit_status is None]

    def pool(self, waiting: int = 99, **more: Any) -> Pool:
        return Pool(Slots("turn", self.most, waiting, 5), self.recipe, self.start, **{"size": 2, "idle": 60.0, **more})


@pytest.fixture
def yard() -> Yard:
    return Yard()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def serve(pool: Pool, *models: str) -> list[Child]:
    """Requests for these models, all at once, each answered; the processes that served them."""
    children = [await pool.take(model) for model in models]
    for model in models:
        pool.answered(model)
    for model, child in zip(models, children, strict=True):
        pool.finished(model)
        await child.end()
        pool.give_back(model)
    await settle()
    return children


def ready(pool: Pool) -> Counter[str]:
    return Counter(cast("Dummy", child).recipe.model for child in pool.ready)


async def test_nothing_is_kept_by_one_who_will_not_stay(yard: Yard) -> None:
    pool = yard.pool()
    await serve(pool, "a")
    assert yard.alive == []


async def test_nothing_is_kept_where_the_user_wants_none(yard: Yard) -> None:
    pool = yard.pool(size=0, always=["a"])
    pool.keep_ready()
    await serve(pool, "a")
    assert yard.alive == []


async def test_a_model_that_was_used_is_kept_ready_and_serves_the_next_request(yard: Yard) -> None:
    pool = yard.pool()
    pool.keep_ready()
    assert ready(pool) == {}
    await serve(pool, "a")
    assert ready(pool) == {"a": 1}
    waiting = pool.ready
    assert await serve(pool, "a") == waiting
    assert ready(pool) == {"a": 1}
    assert len(yard.made) == 3
    await pool.aclose()
    assert yard.alive == []


async def test_as_many_as_lately_worked_at_once_but_no_more_than_allowed(yard: Yard) -> None:
    pool = yard.pool()
    pool.keep_ready()
    for _ in range(3):
        await serve(pool, "a")
    assert ready(pool) == {"a": 1}
    await serve(pool, "a", "a")
    assert ready(pool) == {"a": 2}
    await serve(pool, "a", "a", "a", "a")
    assert ready(pool) == {"a": 2}
    await pool.aclose()


async def test_what_is_not_wanted_any_more_is_ended(yard: Yard) -> None:
    pool = yard.pool(idle=0.05)
    pool.keep_ready()
    await serve(pool, "a")
    assert ready(pool) == {"a": 1}
    await asyncio.sleep(0.15)
    assert yard.alive == []
    assert len(yard.made) == 2


async def test_it_is_kept_as_long_as_an_answer_takes(yard: Yard) -> None:
    pool = yard.pool(idle=0.05)
    pool.keep_ready()
    child = await pool.take("a")
    pool.answered("a")
    await asyncio.sleep(0.2)
    assert ready(pool) == {"a": 1}
    pool.finished("a")
    await child.end()
    pool.give_back("a")
    await pool.aclose()


async def test_a_model_that_is_always_wanted_is_there_before_the_first_request_and_after_the_last(yard: Yard) -> None:
    pool = yard.pool(idle=0.03, always=["a"])
    pool.keep_ready()
    await settle()
    first = pool.ready
    assert ready(pool) == {"a": 1}
    assert await serve(pool, "a") == first
    await asyncio.sleep(0.1)
    assert ready(pool) == {"a": 1}
    await pool.aclose()
    assert yard.alive == []


async def test_no_request_waits_because_of_one_that_is_idle() -> None:
    yard = Yard(most=1)
    pool = yard.pool()
    pool.keep_ready()
    await serve(pool, "a")
    assert ready(pool) == {"a": 1}
    await asyncio.wait_for(serve(pool, "b"), 1)
    assert ready(pool) == {"b": 1}
    assert not yard.too_many
    await pool.aclose()


async def test_a_request_for_another_model_gets_a_process_of_its_own(yard: Yard) -> None:
    pool = yard.pool()
    pool.keep_ready()
    await serve(pool, "a")
    (child,) = await serve(pool, "b")
    assert cast("Dummy", child).recipe.model == "b"
    assert ready(pool) == {"a": 1, "b": 1}
    await pool.aclose()


@pytest.mark.parametrize(
    "end", [lambda dummy: dummy.die(), lambda dummy: evolve_mood(dummy, "deaf"), lambda dummy: evolve_mood(dummy, "dies")]
)
async def test_one_that_is_not_there_any_more_is_replaced_unseen(
    yard: Yard, end: Callable[[Dummy], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccproxy_cli.backends.claude_code.pool._STILL_THERE_WITHIN", 0.05)
    pool = yard.pool()
    pool.keep_ready()
    await serve(pool, "a")
    (lost,) = pool.ready
    end(cast("Dummy", lost))
    (child,) = await serve(pool, "a")
    assert child is not lost
    assert cast("Dummy", lost).exit_status == 0
    await pool.aclose()
    assert yard.alive == []


def evolve_mood(dummy: Dummy, mood: str) -> None:
    dummy.mood = mood


async def test_one_that_dies_while_it_waits_is_made_again_by_and_by(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccproxy_cli.backends.claude_code.pool._SHORTEST_REST", 0.01)
    pool = yard.pool()
    pool.keep_ready()
    await serve(pool, "a")
    cast("Dummy", pool.ready[0]).die()
    await settle()
    assert ready(pool) == {}
    await asyncio.sleep(0.1)
    assert ready(pool) == {"a": 1}
    await pool.aclose()


@pytest.mark.parametrize("mood", ["dies", "connected"])
async def test_what_cannot_be_kept_ready_is_not_tried_over_and_over(yard: Yard, mood: str) -> None:
    yard.mood = mood
    pool = yard.pool()
    pool.keep_ready()
    for _ in range(5):
        await serve(pool, "a")
    await asyncio.sleep(0.1)
    assert len(yard.made) == 6  # five requests, and one attempt
    assert "Claude Code" in (pool.trouble or "")
    assert yard.alive == []
    await pool.aclose()


async def test_no_login_means_nothing_to_keep(yard: Yard) -> None:
    pool = yard.pool()
    pool.keep_ready()
    await serve(pool, "a")
    child = await pool.take("a")
    pool.refused("a")
    pool.finished("a")
    await child.end()
    pool.give_back("a")
    await settle()
    assert yard.alive == []
    await serve(pool, "a")  # logged in again
    assert ready(pool) == {"a": 1}
    await pool.aclose()


async def test_a_program_that_was_replaced_is_not_used_any_more(yard: Yard) -> None:
    pool = yard.pool()
    pool.keep_ready()
    await serve(pool, "a")
    (old,) = pool.ready
    yard.stamp = 2
    (child,) = await serve(pool, "a")
    assert child is not old
    assert cast("Dummy", old).exit_status == 0
    assert [dummy.recipe.program for dummy in yard.alive] == [Stamp(1, 1, 1, 2)]
    await pool.aclose()


async def test_a_program_that_is_gone_is_told_to_who_asks(yard: Yard) -> None:
    pool = yard.pool(always=["a"])
    yard.mood = "missing"
    pool.keep_ready()
    with pytest.raises(UpstreamError, match="no CLI"):
        await pool.take("a")
    yard.mood = "well"
    await serve(pool, "a")
    assert ready(pool) == {"a": 1}
    await pool.aclose()


@define
class Visit:
    """One request of a random day: when it comes, for what, how long it works, and when its client leaves if it does."""

    at: int
    model: str
    works: int
    leaves: int | None


VISITS = st.lists(
    st.builds(Visit, st.integers(0, 12), st.sampled_from("abc"), st.integers(0, 5), st.none() | st.integers(0, 8)), max_size=15
)


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(0, 3), VISITS)
def test_whatever_comes_the_bound_holds_and_nothing_is_left(most: int, size: int, visits: list[Visit]) -> None:
    async def play() -> None:
        yard = Yard(most)
        slots = Slots("turn", most, 99, 5)
        pool = Pool(slots, yard.recipe, yard.start, size=size, idle=60.0, always=["a"])
        pool.keep_ready()
        served = Counter[str]()

        async def one(visit: Visit) -> None:
            for _ in range(visit.at):
                await asyncio.sleep(0)
            child = await pool.take(visit.model)
            try:
                pool.answered(visit.model)
                for _ in range(visit.works):
                    await asyncio.sleep(0)
                served[visit.model] += 1
            finally:
                pool.finished(visit.model)
                await asyncio.shield(release(visit.model, child))

        async def release(model: str, child: Child) -> None:
            await child.end()
            pool.give_back(model)

        async def leave(task: "asyncio.Task[None]", turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()

        tasks = [asyncio.create_task(one(visit)) for visit in visits]
        leaving = [asyncio.create_task(leave(t, v.at + v.leaves)) for t, v in zip(tasks, visits, strict=True) if v.leaves is not None]
        async with asyncio.timeout(5):
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*leaving)
        await settle()
        assert not yard.too_many
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        assert all(result is None for result, visit in zip(results, visits, strict=True) if visit.leaves is None)
        assert all(count <= size for count in ready(pool).values())
        assert {id(dummy) for dummy in yard.alive} == {id(child) for child in pool.ready}
        await pool.aclose()
        assert yard.alive == []
        assert [slots.try_take() for _ in range(most + 1)] == [True] * most + [False]

    asyncio.run(play())
