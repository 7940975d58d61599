"""Scripted targets, and a clock that moves only when somebody waits."""

from collections.abc import Sequence

import pytest
from attrs import define, field

from ccproxy_cli.config.settings import RetrySettings
from ccproxy_cli.core.errors import APIError, ErrorKind, Fate, UpstreamError
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import Target
from ccproxy_cli.pipeline.verdict import FAILURES, Failure

A, B, C = Target("one", "a"), Target("two", "b"), Target("three", "c")
ANSWER = Answer(200, {})
PASSING = (ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED, ErrorKind.INTERNAL, ErrorKind.BAD_UPSTREAM)


def told(kind: ErrorKind, *, status: int | None = None, after: str | None = None, should_retry: bool | None = None) -> UpstreamError:
    """An error as an upstream tells it."""
    return UpstreamError(APIError(kind, kind.name, status or kind.status, retry_after=after, should_retry=should_retry, origin="anthropic"))


OVERLOADED = told(ErrorKind.OVERLOADED)
RESET = UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, "closed the connection before answering"))
REFUSED = UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, "cannot be reached"), Fate.UNSENT)
SLOW = UpstreamError(APIError(ErrorKind.UPSTREAM_TIMEOUT, "did not answer"))
BROKEN = UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, "broke off its answer"), Fate.BEGUN)
FULL = UpstreamError(APIError(ErrorKind.OVERLOADED, "all processes are busy", retry_after="5", should_retry=True))


@define
class World:
    """Targets that do what their scripts say, at times that pass only when somebody waits."""

    scripts: dict[Target, list[Failure | Answer]] = field(factory=dict)
    """What comes next; who has nothing left answers."""
    now: float = 1000.0
    asked: list[Target] = field(factory=list)
    waits: list[float] = field(factory=list)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def attempts(
        self, settings: RetrySettings | None = None, rests: Rests | None = None, patience: float = 3600.0, **providers: Sequence[str]
    ) -> Attempts:
        return Attempts(
            RetrySettings() if settings is None else settings,
            Rests(lambda: self.now) if rests is None else rests,
            **providers,
            patience=patience,
            clock=lambda: self.now,
            wall=lambda: self.now,
            sleep=self.sleep,
            chance=lambda: 0.0,
        )

    def exchange(self) -> Exchange:
        return Exchange("id", FORMATS["anthropic"], HTTPCall("POST", "/messages", b"{}", {}), started=self.now)

    async def ask(self, attempts: Attempts, *targets: Target) -> Exchange:
        exchange = self.exchange()

        async def attempt(target: Target) -> Answer:
            self.asked.append(target)
            exchange.sent(self.now)
            script = self.scripts.get(target)
            step = script.pop(0) if script else ANSWER
            if isinstance(step, Answer):
                return step
            raise step

        assert await attempts.answer(exchange, targets, attempt) is ANSWER
        return exchange

    async def refused(self, attempts: Attempts, *targets: Target) -> Failure:
        with pytest.raises(FAILURES) as caught:
            await self.ask(attempts, *targets)
        failure = caught.value
        assert isinstance(failure, FAILURES)
        return failure
