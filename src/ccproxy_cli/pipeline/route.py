"""From the model a client asks for to the provider and model that serve it."""

import re
from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from ccproxy_cli.config.settings import ModelRule, RouteRule
from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.pipeline.facts import Facts, described, holds

_SHOWN_NAME = 100
"""Characters of a client's own words that an error repeats: errors must not amplify."""
_LONGEST_NAME = 4096
"""Characters of a model's name. Names are matched, and remembered in many places; the longest honest ones are addresses of a cloud's
resources."""


@frozen
class Target:
    """Where a request goes."""

    provider: str
    model: str
    """As the provider knows it."""

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


@frozen
class Route:
    """Targets, and why they were chosen."""

    targets: tuple[Target, ...]
    """In order: each next one is for when those before it fail."""
    why: str
    setting: tuple[str, ...] = ()
    """Path of the rule among the settings; empty where none was needed."""

    @property
    def target(self) -> Target:
        """The first one."""
        return self.targets[0]


@define
class RouteTable:
    """Resolves model names, first match first: the rules by what is in a request, those by name, `provider/model`, and the providers' own
    model names.

    Attributes:
        rules: the user's rules by name, in order.
        families: by provider, in order of preference, patterns of the model names it serves.
        sole: the provider that takes every name nobody claims; None if there is no such one.
        by_content: the user's rules by what is in a request, in order.
    """

    rules: Sequence[ModelRule]
    families: Mapping[str, Sequence[str]]
    sole: str | None = None
    by_content: Sequence[RouteRule] = ()
    _compiled: list[tuple[re.Pattern[str], ModelRule]] = field(init=False, repr=False)
    _by_content: list[tuple[re.Pattern[str], RouteRule]] = field(init=False, repr=False)
    _families: list[tuple[re.Pattern[str], str]] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._compiled = [(compile_pattern(rule.pattern), rule) for rule in self.rules]
        self._by_content = [(compile_pattern(rule.model), rule) for rule in self.by_content]
        self._families = [(compile_pattern(glob), provider) for provider, globs in self.families.items() for glob in globs]

    def resolve(self, model: str, facts: Facts | None = None) -> Route:
        """The route of `model`.

        Args:
            facts: what is in the request; without, rules that ask for it are passed over.

        Raises:
            BadRequest: nobody serves it; kind NOT_FOUND.
        """
        check_length(model)
        for number, (pattern, by_content) in enumerate(self._by_content):
            match = pattern.fullmatch(model)
            if match is not None and facts is not None and holds(by_content, facts):
                return Route(_targets(by_content.to, match, model), f"rule {number + 1}: {described(by_content)}", ("rules", str(number)))
        for pattern, rule in self._compiled:
            if match := pattern.fullmatch(model):
                return Route(_targets(rule.targets, match, model), f'rule "{rule.pattern}"', ("models", rule.pattern))
        provider, slash, name = model.partition("/")
        if slash and provider in self.families and name:
            return Route((Target(provider, name),), "named with its provider")
        for pattern, provider in self._families:
            if pattern.fullmatch(model):
                return Route((Target(provider, model),), f"a model of {provider}")
        if self.sole is not None:
            return Route((Target(self.sole, model),), f"{self.sole} is the only provider")
        raise BadRequest(
            f"model: {shown(model)} is not served here; `ccproxy models` lists what is, and a rule under [models] can lead it anywhere",
            "model",
            ErrorKind.NOT_FOUND,
            "model_not_found",
        )


def check_length(model: str) -> None:
    """Raises `BadRequest`, kind NOT_FOUND, if that is the name of no model there could be."""
    if len(model) > _LONGEST_NAME:
        raise BadRequest(f"model: {shown(model)} is too long for a name", "model", ErrorKind.NOT_FOUND, "model_not_found")


def shown(model: str) -> str:
    """A model name as an error repeats it."""
    return model if len(model) <= _SHOWN_NAME else model[:_SHOWN_NAME] + "..."


def _targets(targets: Sequence[str], match: re.Match[str], model: str) -> tuple[Target, ...]:
    wild = match[1] if match.lastindex else model
    return tuple(_target(target, wild) for target in targets)


def _target(target: str, wild: str) -> Target:
    provider, _, name = target.partition("/")
    return Target(provider, name.replace("*", wild))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A glob in which `*` matches any text; the first `*` is group 1."""
    first, star, rest = pattern.partition("*")
    if not star:
        return re.compile(re.escape(first))
    return re.compile(re.escape(first) + "(.*)" + ".*".join(map(re.escape, rest.split("*"))), re.DOTALL)
