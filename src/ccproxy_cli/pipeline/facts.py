"""What rules ask about a request. Nothing is looked at before a rule wants to know it, and without rules nobody asks."""

import functools
from typing import Protocol

import attrs
from attrs import define, field, frozen

from ccproxy_cli.config.settings import RouteRule
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.estimate import estimate_tokens
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Envelope, Format, Outline
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Media, MediaKind, ToolResult
from ccproxy_cli.core.request import Request, ThinkingMode

_BYTES_PER_TOKEN = 4


class Facts(Protocol):
    """What is in a request."""

    @property
    def client(self) -> str | None:
        """Name of the client that asks."""

    @property
    def outline(self) -> Outline:
        """What the rules' switches are about."""

    def has_tokens(self, number: int) -> bool:
        """Whether the input has at least so many tokens, by estimate."""


@frozen
class StatedFacts:
    """Facts as somebody states them."""

    client: str | None = None
    outline: Outline = field(factory=Outline)
    tokens: int = 0

    def has_tokens(self, number: int) -> bool:
        return self.tokens >= number


@define(slots=False)
class CallFacts:
    """Facts of a client's call, as far as they were asked for."""

    client: str | None
    spoken: Format
    call: HTTPCall
    envelope: Envelope

    @functools.cached_property
    def outline(self) -> Outline:
        return self.spoken.outline(self.envelope)

    def has_tokens(self, number: int) -> bool:
        # No vocabulary has tokens of less than a byte, so that small requests need not be read.
        return len(self.call.body) >= number and self._tokens >= number

    @functools.cached_property
    def _tokens(self) -> int:
        try:
            return estimate_tokens(self.spoken.decode_request(self.call, Losses()))
        except BadRequest:  # the relay lane lets pass what cannot be read here
            return len(self.call.body) // _BYTES_PER_TOKEN


def facts_of(request: Request) -> StatedFacts:
    """Facts of a request that came in no format, and so with no vendor's tools."""
    thinking, parts = request.thinking, [part for message in request.messages for part in message.parts]
    inner = [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    images = any(isinstance(part, Media) and part.kind is MediaKind.IMAGE for part in (*parts, *inner))
    thinks = thinking is not None and thinking.mode is not ThinkingMode.DISABLED and thinking.effort != "none"
    return StatedFacts(None, Outline(thinking=thinks, images=images), estimate_tokens(request))


_SWITCHES = tuple(field.name for field in attrs.fields(Outline))
"""Named alike in the rules."""


def holds(rule: RouteRule, facts: Facts) -> bool:
    """Whether everything that the rule sets, the model's name aside, is so. What costs most is looked at last."""
    if rule.client is not None and rule.client != facts.client:
        return False
    wanted = [(name, value) for name in _SWITCHES if (value := getattr(rule, name)) is not None]
    if wanted and any(getattr(facts.outline, name) is not value for name, value in wanted):
        return False
    return rule.min_tokens is None or facts.has_tokens(rule.min_tokens)


def described(rule: RouteRule) -> str:
    """What a rule asks for, in few words."""
    words = [
        name.replace("_", " ") if value else f"no {name.replace('_', ' ')}"
        for name in _SWITCHES
        if (value := getattr(rule, name)) is not None
    ]
    words += [f"{rule.min_tokens} tokens or more"] if rule.min_tokens is not None else []
    words += [f"client {rule.client}"] if rule.client is not None else []
    words += [f'"{rule.model}"'] if rule.model != "*" or not words else []
    return ", ".join(words)
