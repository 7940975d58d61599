"""The user's own Claude Code login, behaving like an API: one process per request, holding no state between requests."""

import asyncio
import contextlib
import math
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from attrs import evolve

from ccproxy_cli.backends.base import EventStream, Health
from ccproxy_cli.backends.claude_code.agent import agent_arguments, agent_directory, agent_environment
from ccproxy_cli.backends.claude_code.agent_answer import AgentAnswer
from ccproxy_cli.backends.claude_code.answer import Answer
from ccproxy_cli.backends.claude_code.catalog import ALIASES, models_of, resolved_of
from ccproxy_cli.backends.claude_code.cli import INSTALL_HINT, Cli, Login, ask_login, find_cli, require_cli
from ccproxy_cli.backends.claude_code.command import arguments, environment, is_bare, is_cloud
from ccproxy_cli.backends.claude_code.frames import ask
from ccproxy_cli.backends.claude_code.leash import Leash
from ccproxy_cli.backends.claude_code.limits import limits_in_words, limits_of
from ccproxy_cli.backends.claude_code.plan import make_plan
from ccproxy_cli.backends.claude_code.pool import Pool
from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.backends.claude_code.recipe import Recipe, Stamp
from ccproxy_cli.backends.claude_code.run import Converse, Run, load_sdk
from ccproxy_cli.backends.claude_code.session import Session
from ccproxy_cli.backends.pace import Pace
from ccproxy_cli.backends.slots import Slots
from ccproxy_cli.config.settings import AgentSettings, TimeoutSettings
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.estimate import estimate_tokens
from ccproxy_cli.core.extras import Losses, refuse_vital
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.formats.anthropic.stream_decoder import StreamDecoder
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.request import Request
from ccproxy_cli.observe.redact import Redactor

_LOGIN_FRESH = 30.0
"""Seconds for which the CLI's word on its login is believed: asking starts a process."""
_MODELS_FRESH = 900.0
"""Seconds for which its list of models is believed."""
_MODELS_WITHIN = 10.0
"""Seconds for that list; it takes 0.02 once the process runs (2.1.329)."""
_USAGE_WITHIN = 3.0
"""Seconds for what is used of a subscription, which the CLI asks the vendor."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


class ClaudeCodeBackend:
    """Serves requests through the official CLI.

    Args:
        name: the provider's name in the configuration.
        executable: path or name of the CLI; None looks on PATH and then for the bundled one.
        environment: further variables for the CLI, such as `ANTHROPIC_BASE_URL`. With `ANTHROPIC_API_KEY` or a cloud's
            `CLAUDE_CODE_USE_...` among them the CLI runs on that and adds nothing to the conversation; else on the user's login, and it
            puts reminders of the date, the model and its surroundings beside the first and the last user message.
        max_children: processes at once, those kept ready among them; each takes some 130 to 250 MB.
        max_waiting: requests that may wait for one.
        pool_size: processes kept ready at most, for each model in use; 0 for none. Nothing is kept before `warm_up`.
        pool_idle: seconds that they are kept after the model was last asked for.
        prewarm: models for which one is kept from `warm_up` on.
        overrides: the user's own facts about the models, by the field names of `Profile`.
        agent: let the CLI work with its own tools. None for a login that behaves like an API.
    """

    def __init__(
        self,
        name: str,
        *,
        executable: str | None = None,
        environment: Mapping[str, str] = _NOTHING,
        timeouts: TimeoutSettings = TimeoutSettings(),  # noqa: B008  frozen
        max_children: int = 4,
        max_waiting: int = 100,
        pool_size: int = 2,
        pool_idle: float = 300.0,
        prewarm: Sequence[str] = (),
        overrides: Mapping[str, object] = MappingProxyType({}),
        agent: AgentSettings | None = None,
    ) -> None:
        self.name = name
        self._executable = executable
        self._configured = dict(environment)
        self._timeouts = timeouts
        self._overrides = overrides
        self._agent = agent
        self._pace = Pace()
        slots = Slots("Claude Code process", max_children, max_waiting, timeouts.first_byte, self._pace)
        self._pool = Pool(slots, self._recipe, self._start, size=pool_size, idle=pool_idle, always=prewarm)
        self._leash = Leash()
        self._redactor = Redactor(value for variable, value in environment.items() if "KEY" in variable or "TOKEN" in variable)
        self._directory: str | None = None
        self._runs: set[Run] = set()
        self._loading: asyncio.Task[Converse] | None = None
        self._models: tuple[ModelInfo, ...] = ()
        self._resolved: Mapping[str, str] = MappingProxyType({})
        self._models_until = -math.inf
        self._asking = asyncio.Lock()
        self._plan: str | None = None
        self._limits: Mapping[str, JSON] = MappingProxyType({})
        self._login: tuple[float, Login | None] | None = None
        self._asking_login = asyncio.Lock()

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        """As `backends.base.Backend`. Returns once there is content. The client's key is of no use here.

        Raises:
            BadRequest: the CLI cannot be made to say it.
            UpstreamError, BadUpstream: refused, not logged in, not installed, overloaded, too slow, broken.
        """
        if is_cloud(self._configured) and request.model in {model.id for model in ALIASES} and not self._resolved:
            await self.models()  # clouds lag behind, and older models take other parameters
        works = self._agent is not None
        plan = make_plan(request, self._overrides, losses, bare=is_bare(self._configured), resolved=self._resolved, agent=works)
        losses.refuse_if_strict()
        loading = asyncio.create_task(load_sdk())  # meanwhile
        child = await self._pool.take(plan.model)
        session = Session(child, plan)
        answer = AgentAnswer(StreamDecoder, time.time, self._redactor.text) if works else Answer(StreamDecoder, plan.bridge, time.time)
        run = Run(child, session, answer, self._timeouts, self._redactor, finished=self._finished, gone=self._gone)
        self._runs.add(run)
        self._pace.begin(run)
        try:
            await run.begin(loading, self._timeouts.first_byte)
        except UpstreamError as refusal:
            if refusal.error.kind is ErrorKind.AUTHENTICATION:
                self._pool.refused(plan.model)
            raise
        self._pool.answered(plan.model)
        return run

    def warm_up(self) -> None:
        """As `backends.base.WarmBackend`."""
        self._pool.keep_ready()
        self._loading = asyncio.create_task(load_sdk())

    def _finished(self, run: Run) -> None:
        self._pace.end(run)
        self._pool.finished(run.session.plan.model)

    def _gone(self, run: Run) -> None:
        self._pool.give_back(run.session.plan.model)
        self._runs.discard(run)
        self._limits = run.session.limits or self._limits
        if run.session.plan.model in {model.id for model in self._models or ALIASES}:
            # The CLI lists whatever model it was started with, so only a known one makes the list worth believing.
            self._learn(run.session.welcome)

    def _learn(self, welcome: Mapping[str, JSON]) -> None:
        self._models = models_of(welcome) or self._models
        self._resolved = resolved_of(welcome) or self._resolved
        self._models_until = time.monotonic() + (_MODELS_FRESH if self._models else _LOGIN_FRESH)

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        """An estimate. The CLI's own count costs a process, asks the API for the system text, each tool and the messages apart, counts
        the system text as a user's and takes a flat 500 off for the tools (`get_context_usage`, 2.1.329): dearer, and no more exact.
        """
        refuse_vital(request.extras)
        return TokenCount(self.estimate(request), estimated=True)

    def estimate(self, request: Request) -> int:
        """As `backends.base.EstimatingBackend`."""
        return estimate_tokens(request, FORMATS["anthropic"].weights)

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the login may use, by the CLI's own word; its aliases where it does not say. An agent's under the names that lead to it."""
        async with self._asking:
            if time.monotonic() > self._models_until and not self._pool.is_busy:
                await self._ask_models()
        known = self._models or ALIASES
        return known if self._agent is None else tuple(evolve(model, id=f"{self.name}/{model.id}") for model in known)

    async def account(self) -> str | None:
        """As `backends.base.AccountBackend`: the subscription and what is left of it, as far as the CLI tells."""
        await self.models()
        return ", ".join(filter(None, (self._plan, limits_in_words(self._limits, time.time())))) or None

    @property
    def told_last(self) -> Mapping[str, JSON]:
        """As `backends.base.AccountBackend`."""
        return self._limits

    async def _ask_models(self) -> None:
        model = ALIASES[0].id
        try:
            child = await self._pool.take(model)
        except UpstreamError:
            return
        welcome: Mapping[str, JSON] = {}
        try:
            welcome = await ask(child, "ccproxy_models", {"subtype": "initialize", "systemPrompt": ""}, _MODELS_WITHIN)
            self._plan = _subscription(welcome)
            if self._plan is not None:
                self._limits = limits_of(await ask(child, "ccproxy_usage", {"subtype": "get_usage"}, _USAGE_WITHIN)) or self._limits
        except BadUpstream:
            pass
        finally:
            self._pool.finished(model)
            await child.end()
            self._pool.give_back(model)
        self._learn(welcome)

    async def health(self) -> Health:
        """Whether there is a CLI, and whether it is logged in."""
        cli = find_cli(self._executable)
        if cli is None:
            return Health(False, f"Claude Code not found; {INSTALL_HINT}")
        login = await self._fresh_login(cli)
        if login is None:
            return Health(False, f"{cli.path} does not say whether it is logged in")
        if not login.logged_in:
            return Health(False, f"{cli.path}, {login.summary}")
        trouble = f"keeps no process ready: {self._redactor.text(self._pool.trouble)}" if self._pool.trouble else None
        works = f"an agent in {agent_directory(self._agent)}" if self._agent else None
        known = (cli.path, login.summary, works, limits_in_words(self._limits, time.time()), trouble)
        return Health(True, ", ".join(filter(None, known)))

    async def aclose(self) -> None:
        """End every process, at once."""
        await asyncio.gather(self._pool.aclose(), *(run.aclose() for run in tuple(self._runs)))
        await asyncio.to_thread(self._leash.close)
        if self._directory is not None:
            with contextlib.suppress(OSError):
                os.rmdir(self._directory)
            self._directory = None

    @property
    def _environment(self) -> dict[str, str]:
        return environment(os.environ, self._configured)

    def _recipe(self, model: str) -> Recipe:
        cli = require_cli(self._executable)
        if self._agent is not None:
            line = agent_arguments(cli.path, model, self._agent)
            return Recipe(model, tuple(line), agent_environment(self._environment), Stamp.of(cli.path))
        line = arguments(cli.path, model, bare=is_bare(self._configured))
        return Recipe(model, tuple(line), self._environment, Stamp.of(cli.path))

    async def _start(self, recipe: Recipe) -> Child:
        folder = self._private_directory() if self._agent is None else agent_directory(self._agent)
        return await Child.start(recipe.arguments, recipe.environment, folder, self._leash, has_helpers=self._agent is not None)

    async def _fresh_login(self, cli: Cli) -> Login | None:
        async with self._asking_login:  # one process, however many want to know
            if self._login is None or self._login[0] + _LOGIN_FRESH < time.monotonic():
                login = await ask_login(cli, self._environment)
                self._login = time.monotonic(), login
        return self._login[1]

    def _private_directory(self) -> str:
        """Where the CLI runs: empty, and nobody else's. What it knows of its surroundings it tells the model."""
        if self._directory is None or not os.path.isdir(self._directory):
            self._directory = tempfile.mkdtemp(prefix="ccproxy-")
        return self._directory


def _subscription(welcome: Mapping[str, JSON]) -> str | None:
    account = welcome.get("account")
    plan = account.get("subscriptionType") if isinstance(account, dict) else None
    return plan if isinstance(plan, str) else None
