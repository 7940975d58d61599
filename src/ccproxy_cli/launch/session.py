"""What is particular to a server that lives for one program: its settings, its routes, and the account it gives at the end."""

from collections.abc import Mapping

from attrs import define, evolve, field

from ccproxy_cli.backends.catalogue import known_of
from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.config.secrets import CLIENT
from ccproxy_cli.config.settings import ModelRule, ProviderSettings, ServerSettings, Settings
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.server.routes import Action, find
from ccproxy_cli.server.visit import Visit


def session_settings(settings: Settings, token: str) -> Settings:
    """The user's settings, for a server on loopback that answers to one token alone."""
    server = ServerSettings(port=0, token=token, max_body_mb=settings.server.max_body_mb, log_level=settings.server.log_level)
    providers = {name: _with_own_key(provider) for name, provider in settings.providers.items()}
    return evolve(settings, server=server, providers=providers, clients={})


_USUAL_KEYS = {"anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY"}
"""By format: the variable that holds the user's key, where the provider names none."""


def _with_own_key(provider: ProviderSettings) -> ProviderSettings:
    """The program sends our token in place of its key, so a provider that is called with the caller's key takes the user's own."""
    if provider.api_key != (CLIENT,):
        return provider
    preset = PRESETS[provider.preset]
    variables = preset.key_variables or (_USUAL_KEYS.get(provider.format or "", "OPENAI_API_KEY"),)
    return evolve(provider, api_key=f"env:{variables[0]}")


def routes_to(table: RouteTable, model: str, backend: str | None) -> RouteTable:
    """Routes that lead every name to one model, or to the chain of those that stand behind its name.

    Args:
        model: as a client would name it; with `backend`, as that provider knows it.

    Raises:
        BadRequest: nobody serves it.
    """
    targets = (f"{backend}/{model.removeprefix(f'{backend}/')}",) if backend else tuple(map(str, table.resolve(model).targets))
    return RouteTable([ModelRule("*", targets)], table.families, None)


def routes_within(table: RouteTable, backend: str, default: str | None) -> RouteTable:
    """Routes that lead every name to one provider: its own names as they are, others to `default`, or as they are if there is none."""
    own = [ModelRule(pattern, (f"{backend}/{pattern}",)) for pattern in table.families[backend]]
    last = ModelRule("*", (default or f"{backend}/*",))
    return RouteTable([_keeping(backend), *own, last], table.families, None)


def routes_with_default(table: RouteTable, default: str | None) -> RouteTable:
    """The user's routes; names that nobody claims go to `default`, since a program seldom lets its model names be chosen.

    Args:
        default: None if there is one provider that takes every name.
    """
    named = [_keeping(provider) for provider in table.families]
    own = [ModelRule(pattern, (f"{provider}/{pattern}",)) for provider, patterns in table.families.items() for pattern in patterns]
    last = ModelRule("*", (default or f"{table.sole}/*",))
    return RouteTable([*table.rules, *named, *own, last], table.families, None, table.by_content)


def window_of(settings: Settings, table: RouteTable, model: str | None) -> int | None:
    """Tokens that fit into the window of the model that a name leads to; None where that is not known."""
    if model is None:
        return None
    target = table.resolve(model).target
    provider = settings.providers.get(target.provider)
    known = None if provider is None else known_of(provider.preset, target.model)
    return None if known is None else known.context_window


def takes_every_name(table: RouteTable, provider: str | None) -> bool:
    """Whether nobody knows which model names are the provider's own, so that any may be."""
    return provider is not None and not table.families[provider]


def _keeping(provider: str) -> ModelRule:
    """`provider/model`, wherever a program takes it, means what it means everywhere."""
    return ModelRule(f"{provider}/*", (f"{provider}/*",))


@define
class Tally:
    """Counts what went through."""

    requests: int = 0
    failures: dict[str, int] = field(factory=dict)
    """By what the caller was told."""
    tokens_in: int = 0
    tokens_out: int = 0
    untold: int = 0
    """Answers whose tokens the upstream did not tell: Chat streams tell them only when the client asks."""
    routes: dict[str, int] = field(factory=dict)

    def observe(self, visit: Visit) -> None:
        """Count a request for an answer that is over. Counting tokens, listing models and probing for what is not there are none."""
        found = find(visit.path)
        if found is None or found[0].action not in (Action.GENERATE, Action.ONLY_THERE):
            return
        exchange = visit.exchange
        if exchange is None or exchange.model is None:
            self._failed(visit.error_type)
            return
        self.requests += 1
        if exchange.route is not None:
            self.routes[exchange.route] = self.routes.get(exchange.route, 0) + 1
        outcome = visit.outcome or exchange.outcome
        if outcome not in ("ok", "client_gone"):
            self._failed(visit.error_type or exchange.error_type)
        if exchange.usage is not None and exchange.usage.output is not None:
            self.tokens_in += exchange.usage.total_input
            self.tokens_out += exchange.usage.output
        elif outcome == "ok":
            self.untold += 1

    def _failed(self, error_type: str | None) -> None:
        name = error_type or "internal"
        self.failures[name] = self.failures.get(name, 0) + 1

    def __str__(self) -> str:
        if not self.requests and not self.failures:
            return "the program made no requests"
        text = f"{_counted(self.requests, 'request')}, {self.tokens_in:,} tokens in, {self.tokens_out:,} out"
        if self.untold:
            text += f" and {_counted(self.untold, 'answer')} uncounted"
        if self.routes:
            text += f" ({_listed(self.routes)})"
        if self.failures:
            text += f"; failed: {_listed(self.failures)}"
        return text


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ×{count}" if len(counts) > 1 or count > 1 else name for name, count in counts.items())
