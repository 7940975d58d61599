"""A request from another format, bent to this vendor's rules and the target's abilities. Whatever does not survive is recorded."""

from attrs import evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.caching import mark_cache
from ccproxy_cli.core.formats.anthropic.history import adapt_history
from ccproxy_cli.core.formats.anthropic.schema import close_schema
from ccproxy_cli.core.formats.anthropic.thinking import adapt_sampling, adapt_thinking
from ccproxy_cli.core.formats.anthropic.tools import adapt_tools
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.jsontext import dumps_str
from ccproxy_cli.core.parts import Opaque, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Output, OutputKind, Request

_MAX_USER_ID = 256
"""Characters of `metadata.user_id` the vendor takes."""


def adapt(request: Request, profile: Profile, losses: Losses) -> Request:
    """The request as this vendor takes it.

    Raises:
        BadRequest: it cannot be said at all.
    """
    losses.add_foreign(request.extras, NAME, "")  # first of all: what the vendor keeps is why there may be no messages
    request = _adapt_instructions(request, profile, losses)
    request = adapt_tools(request, losses)
    request = adapt_thinking(request, profile, losses)
    request = adapt_sampling(request, profile, losses)
    request = _adapt_stop(request, profile, losses)
    request = _adapt_output(request, profile, losses)
    if request.user is not None and len(request.user) > _MAX_USER_ID:
        losses.add("user", f"{NAME} takes at most {_MAX_USER_ID} characters")
        request = evolve(request, user=None)
    if request.cache_key is not None:
        losses.add("cache_key", f"{NAME} has no cache keys")
    return mark_cache(request, losses)


def _adapt_instructions(request: Request, profile: Profile, losses: Losses) -> Request:
    own = [part for part in request.instructions if isinstance(part, Text) or part.format == NAME]
    for index, part in enumerate(request.instructions):
        if isinstance(part, Opaque) and part.format != NAME:
            losses.add(f"instructions[{index}]", f"{NAME} has no {part.type}")
    own = [part for part in own if isinstance(part, Opaque) or part.text.strip()]
    leading, messages = adapt_history(request.messages, profile.late_system, losses)
    return evolve(request, instructions=(*own, *leading), instructions_flat=False, messages=messages)


def stops_taken(stop: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """The stop sequences that can be sent: the vendor refuses those of nothing but white space."""
    return tuple(word for word in stop if word.strip())


def _adapt_stop(request: Request, profile: Profile, losses: Losses) -> Request:
    if request.stop is None:
        return request
    kept = stops_taken(request.stop, profile)
    if len(kept) < len(request.stop):
        losses.add("stop", f"{NAME} refuses stop sequences of nothing but spaces")
    return evolve(request, stop=kept or None)


def _adapt_output(request: Request, profile: Profile, losses: Losses) -> Request:
    output = request.output
    if output is None or output.kind is OutputKind.TEXT:
        return evolve(request, output=None)
    losses.add_foreign(output.extras, NAME, "output")
    if output.kind is OutputKind.JSON_SCHEMA and profile.structured_output:
        if output.description:
            losses.add("output.description", f"{NAME} has no description of the output")
        return evolve(request, output=Output(OutputKind.JSON_SCHEMA, close_schema(output.schema)))
    words = "Answer with one JSON object and nothing else."
    if output.kind is OutputKind.JSON_SCHEMA:
        losses.add("output", "the model has no structured output, so it is only told the schema")
        words += f" It must fit this JSON Schema: {dumps_str(output.schema)}"
    return evolve(request, output=None, instructions=(*request.instructions, Text(words)))
