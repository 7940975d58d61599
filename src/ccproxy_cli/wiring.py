"""The composition root: from settings to a pipeline. The only importer of concrete backends.

Each backend is imported when a provider asks for it: the HTTP client alone takes longer to load than the embedded model to answer.
"""

import asyncio
import os
import time
from collections.abc import Mapping

from attrs import define

from ccproxy_cli.backends.base import Backend
from ccproxy_cli.backends.catalogue import price_of
from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.config.secrets import CLIENT
from ccproxy_cli.config.settings import ProviderSettings, Settings, TimeoutSettings
from ccproxy_cli.config.vendors import is_own
from ccproxy_cli.core.catalog import Price
from ccproxy_cli.observe.redact import Redactor
from ccproxy_cli.pipeline.allowed import Allowed
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.cache import AnswerCache
from ccproxy_cli.pipeline.ledger import Prices
from ccproxy_cli.pipeline.limits import Limits
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.proofs import KeySource
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.pipeline.sealkey import SharedKey, StoredKey, key_path
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.opening import Stores, stores_here

ECHO = "echo"
_AGREE_SECONDS = 2.0
"""Between tries to agree with other machines."""


@define(eq=False)
class _Held:
    """A backend, and how many pipelines use it."""

    backend: Backend
    made_of: tuple[str, ProviderSettings, TimeoutSettings]
    users: int = 0


class Assembly:
    """Builds one pipeline after another. Backends whose settings stay as they are live on, and end with the last that uses them."""

    def __init__(self, redactor: Redactor, stores: Stores | None = None) -> None:
        """
        Args:
            redactor: learns every key that is sent and cleans every error; the log wants the same one.
            stores: where all the pipelines' state lives; by default each has its own, in this process. Whoever gives them closes them.
        """
        self._redactor = redactor
        self._stores = stores
        self._seal_key: KeySource = StoredKey(key_path(os.environ))
        self._held: list[_Held] = []

    async def agree(self) -> None:
        """Agree with other machines on the key under which proofs travel, if there may be any; as soon as their store can be reached."""
        if self._stores is None or not self._stores.between_machines:
            return
        shared = SharedKey(self._seal_key, self._stores.kept)
        self._seal_key = shared
        while True:
            if await shared.agree():
                return
            await asyncio.sleep(_AGREE_SECONDS)

    def build(self, settings: Settings) -> Pipeline:
        """A pipeline over the configured providers, the embedded model always among them. Opens nothing yet.

        Raises:
            ConfigError: a provider lacks what it needs. Then nothing has been built.
        """
        held = {name: self._hold((name, provider, settings.timeouts), settings) for name, provider in _providers(settings).items()}
        for each in held.values():
            each.users += 1
        self._held = [*{id(each): each for each in (*self._held, *held.values())}.values()]
        return self._pipeline(settings, {name: each.backend for name, each in held.items()})

    def _pipeline(self, settings: Settings, backends: Mapping[str, Backend]) -> Pipeline:
        stores = stores_here(settings) if self._stores is None else self._stores
        return Pipeline(
            route_table(settings),
            backends,
            seal_key=lambda: self._seal_key(),
            stores=stores,
            allowed=Allowed({name: client.models for name, client in settings.clients.items()}),
            attempts=_attempts(settings, stores.hot),
            limits=Limits.of(settings, stores.hot),
            cache=AnswerCache.of(settings, stores.hot),
        )

    def _hold(self, made_of: tuple[str, ProviderSettings, TimeoutSettings], settings: Settings) -> _Held:
        found = next((held for held in self._held if held.made_of == made_of), None)
        return found or _Held(_backend(*made_of[:2], settings, self._redactor, self._stores), made_of)

    async def release(self, pipeline: Pipeline) -> None:
        """End a pipeline, and every backend that no other one uses."""
        ended = [] if pipeline.limits is None else [pipeline.limits.aclose()]
        for held in list(self._held):
            if held.backend in pipeline.backends.values():
                held.users -= 1
                if held.users == 0:
                    self._held.remove(held)
                    ended.append(held.backend.aclose())
        await asyncio.gather(*ended)


def build_pipeline(settings: Settings, redactor: Redactor | None = None) -> Pipeline:
    """The one pipeline of a program that needs no other: see `Assembly.build`. Whoever takes it closes it."""
    return Assembly(Redactor() if redactor is None else redactor).build(settings)


def _attempts(settings: Settings, store: Store) -> Attempts:
    timeouts = settings.timeouts
    rests = Rests(time.time, store=store, probe=timeouts.connect + timeouts.first_byte)
    acting = [name for name, provider in settings.providers.items() if provider.agent is not None]
    keyless = [name for name, provider in settings.providers.items() if CLIENT in provider.api_key]
    return Attempts(settings.retries, rests, acting=acting, keyless=keyless, patience=timeouts.total)


def _providers(settings: Settings) -> dict[str, ProviderSettings]:
    providers = {**settings.providers}
    providers.setdefault(ECHO, ProviderSettings(ECHO))
    return providers


def _backend(name: str, provider: ProviderSettings, settings: Settings, redactor: Redactor, stores: Stores | None) -> Backend:
    match provider.preset:
        case "echo":
            from ccproxy_cli.backends.echo import EchoBackend

            return EchoBackend(name)
        case "claude-code":
            from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend

            return ClaudeCodeBackend(
                name,
                executable=provider.executable,
                environment=provider.environment,
                timeouts=settings.timeouts,
                max_children=provider.max_children,
                max_waiting=provider.queue,
                pool_size=provider.pool_size,
                pool_idle=provider.pool_idle,
                prewarm=provider.prewarm,
                overrides=provider.profile,
                agent=provider.agent,
            )
        case _:
            from ccproxy_cli.backends.provider import http_backend
            from ccproxy_cli.backends.queued import QueuedBackend

            kept = None if stores is None else stores.kept
            backend = http_backend(name, provider, PRESETS[provider.preset], settings.timeouts, os.environ, redactor, kept)
            if provider.concurrency is None:
                return backend
            return QueuedBackend(backend, provider.concurrency, provider.queue, settings.timeouts.first_byte)


def prices(settings: Settings) -> Prices:
    """What models cost: known are those of vendors at their own addresses."""
    own = {name: provider.preset for name, provider in settings.providers.items() if is_own(PRESETS[provider.preset], provider.base_url)}

    def price(provider: str, model: str) -> Price | None:
        return price_of(own[provider], model) if provider in own else None

    return price


def route_table(settings: Settings) -> RouteTable:
    """Where each model name leads. Needs no backend."""
    providers = _providers(settings)
    families = {
        name: (*provider.models, *(PRESETS[provider.preset].model_patterns if _claims_names(provider) else ()))
        for name, provider in providers.items()
    }
    others = [name for name, provider in providers.items() if provider.preset != ECHO]
    lone = others[0] if len(others) == 1 and providers[others[0]].preset != "claude-code" else None
    return RouteTable(settings.models, families, lone, settings.rules)


def _claims_names(provider: ProviderSettings) -> bool:
    """A preset pointed elsewhere serves whatever that server has, not the vendor's models. An agent is never met by chance."""
    return is_own(PRESETS[provider.preset], provider.base_url) and provider.agent is None
