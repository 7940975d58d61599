"""A request stays with the generation that took it, and a generation goes when its last request does."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.server.asgi import Message, Receive, Scope, Send
from ccproxy_cli.server.generations import Generation, Generations


class Probe:
    """A generation that notes what happens to it, and requests that end when told."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = 0
        self.served = 0
        self.generation = Generation(self, self.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert not self.closed
        self.served += 1
        scope["took"] = self.number
        await scope["end"].wait()
        assert not self.closed
        if scope["fails"]:
            raise RuntimeError("broken")

    async def close(self) -> None:
        assert self.generation.open == 0
        self.closed += 1


async def never() -> Message:
    raise AssertionError("nobody asks")


async def nowhere(message: Message) -> None:
    raise AssertionError(message)


@given(st.lists(st.sampled_from(["ask", "end", "break", "succeed"]), max_size=25))
def test_each_request_ends_where_it_began(steps: list[str]) -> None:
    asyncio.run(_walk(steps))


async def _walk(steps: list[str]) -> None:
    probes = [Probe(0)]
    generations = Generations(probes[0].generation)
    running: list[tuple[dict[str, Any], asyncio.Task[None]]] = []
    for step in steps:
        match step:
            case "ask":
                scope: dict[str, Any] = {"type": "http", "end": asyncio.Event(), "fails": False}
                running.append((scope, asyncio.ensure_future(generations(scope, never, nowhere))))
                await asyncio.sleep(0)
                assert scope["took"] == probes[-1].number
            case "succeed":
                probes.append(Probe(len(probes)))
                generations.succeed(probes[-1].generation)
            case _ if running:
                scope, task = running.pop(0)
                scope["fails"] = step == "break"
                scope["end"].set()
                await asyncio.gather(task, return_exceptions=True)
            case _:
                pass
        await asyncio.sleep(0)
        busy = {scope["took"] for scope, _ in running}
        for probe in probes[:-1]:
            assert probe.closed == (probe.number not in busy)
        assert not probes[-1].closed
    for scope, task in running:
        scope["end"].set()
        await task
    await _shut_down(generations)
    assert [probe.closed for probe in probes] == [1] * len(probes)


async def _shut_down(generations: Generations) -> None:
    sent: list[Message] = []
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(events)

    async def send(message: Message) -> None:
        sent.append(message)

    await generations({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
