"""A request from another format, bent to this vendor's rules and the target's abilities. Whatever does not survive is recorded."""

from ccproxy_cli.core.extras import NO_EXTRAS, Losses
from ccproxy_cli.core.formats.anthropic.caching import Prompt, mark_cache
from ccproxy_cli.core.formats.anthropic.history import adapt_history, is_readable
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
    instructions = _adapt_instructions(request.instructions, losses)
    leading, messages = adapt_history(request.messages, profile.late_system, losses)
    tools, choice, parallel = adapt_tools(request, profile, losses)
    max_tokens, thinking = adapt_thinking(request, messages, choice, profile, losses)
    sampling = adapt_sampling(request.sampling, thinking, profile, losses)
    stop = _adapt_stop(request.stop, profile, losses)
    output, told = _adapt_output(request.output, profile, losses)
    user = _adapt_user(request.user, losses)
    if request.cache_key is not None:
        losses.add("cache_key", f"{NAME} has no cache keys")
    if request.logprobs is not None:
        losses.add("logprobs", f"{NAME} has no log probabilities")
    prompt = mark_cache(Prompt(tools, (*instructions, *leading, *told), messages), request.cache, losses)
    return Request(
        model=request.model,
        messages=prompt.messages,
        instructions=prompt.instructions,
        tools=prompt.tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        max_tokens=max_tokens,
        sampling=sampling,
        stop=stop,
        thinking=thinking,
        output=output,
        stream=request.stream,
        user=user,
        cache=request.cache,
        service_tier=_adapt_tier(request.service_tier, losses),
        extras={NAME: request.extras[NAME]} if NAME in request.extras else NO_EXTRAS,
    )


def _adapt_instructions(instructions: tuple[Text | Opaque, ...], losses: Losses) -> list[Text | Opaque]:
    kept: list[Text | Opaque] = []
    for index, part in enumerate(instructions):
        if isinstance(part, Opaque) and part.format != NAME:
            losses.add(f"instructions[{index}]", f"{NAME} has no {part.type}")
        elif isinstance(part, Opaque) or is_readable(part.text):
            kept.append(part)
    return kept


def stops_taken(stop: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """The stop sequences that can be sent: the vendor refuses those of nothing but white space."""
    return tuple(word for word in stop if word.strip())


def _adapt_stop(stop: tuple[str, ...] | None, profile: Profile, losses: Losses) -> tuple[str, ...] | None:
    if stop is None:
        return None
    kept = stops_taken(stop, profile)
    if len(kept) < len(stop):
        losses.add("stop", f"{NAME} refuses stop sequences of nothing but spaces")
    return kept or None


def _adapt_user(user: str | None, losses: Losses) -> str | None:
    if user is None or len(user) <= _MAX_USER_ID:
        return user
    losses.add("user", f"{NAME} takes at most {_MAX_USER_ID} characters")
    return None


def _adapt_tier(tier: str | None, losses: Losses) -> str | None:
    """The tier, unless it says what holds anyhow."""
    if tier not in (None, "auto", "default"):
        losses.add("service_tier", f"{NAME} has no tier {tier!r}")
    return tier if tier == "default" else None


def _adapt_output(output: Output | None, profile: Profile, losses: Losses) -> tuple[Output | None, tuple[Text, ...]]:
    """The shape the answer must have, and the instructions that ask for what cannot be demanded."""
    if output is None or output.kind is OutputKind.TEXT:
        return None, ()
    losses.add_foreign(output.extras, NAME, "output")
    if output.kind is OutputKind.JSON_SCHEMA and profile.structured_output:
        if output.description:
            losses.add("output.description", f"{NAME} has no description of the output")
        return Output(OutputKind.JSON_SCHEMA, close_schema(output.schema)), ()
    words = "Answer with one JSON object and nothing else."
    if output.kind is OutputKind.JSON_SCHEMA:
        losses.add("output", "the model has no structured output, so it is only told the schema")
        words += f" It must fit this JSON Schema: {dumps_str(output.schema)}"
    return None, (Text(words),)
