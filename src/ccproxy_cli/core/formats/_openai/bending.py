"""Steps in which both formats bend a request of another format. Whatever does not come along is recorded as a loss."""

from collections.abc import Mapping, Sequence

from attrs import evolve

from ccproxy_cli.core.efforts import nearest_effort, wanted_effort
from ccproxy_cli.core.extras import Extras, Losses
from ccproxy_cli.core.hosted import HostedTool
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, Part, Text
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Message, Output, OutputKind, Request, Role, Thinking, Tool, ToolChoice

NO_ARGUMENTS: Mapping[str, JSON] = {"type": "object", "properties": {}}
"""The schema of a function without parameters; some servers refuse anything less."""


def object_schema(schema: JSON) -> JSON:
    """A function's schema with a top level that is plainly an object, as some servers demand."""
    if not isinstance(schema, Mapping):
        return NO_ARGUMENTS
    if schema.get("type") != "object":
        return schema if {"type", "anyOf", "oneOf", "allOf", "$ref"} & schema.keys() else {**NO_ARGUMENTS, **schema}
    return schema if "properties" in schema else {**schema, "properties": {}}


def bend_strict(tool: Tool, path: str, losses: Losses) -> bool | None:
    """Whether the arguments must fit the schema, which this vendor takes only of schemas that leave nothing open."""
    if not tool.strict or _leaves_nothing_open(tool.parameters):
        return tool.strict
    losses.add(f"{path}.strict", "this vendor wants each member of such a schema required, and none beside them")
    return None


def _leaves_nothing_open(schema: JSON) -> bool:
    match schema:
        case Mapping():
            members = schema.get("properties")
            inner = [value for name, value in schema.items() if name != "properties"]
            if isinstance(members, Mapping):
                required = schema.get("required") or ()
                if schema.get("additionalProperties") is not False or not isinstance(required, Sequence) or {*members} - {*required}:
                    return False
                inner += members.values()
            return all(map(_leaves_nothing_open, inner))
        case str():
            return True
        case Sequence():
            return all(map(_leaves_nothing_open, schema))
        case _:
            return True


def with_the_word_json(request: Request, further: Sequence[Part] = ()) -> Request:
    """A request for an answer in any JSON, which the vendor refuses unless the word is in its messages (recorded 2026-11).

    Args:
        further: what becomes a message, too.
    """
    if request.output is None or request.output.kind is not OutputKind.JSON_OBJECT:
        return request
    parts = [*further, *(part for message in request.messages for part in message.parts)]
    said = (part.text for part in parts if isinstance(part, Text))
    if any("json" in words.lower() for words in said):
        return request
    return evolve(request, messages=(Message(Role.SYSTEM, (Text("Answer in JSON."),)), *request.messages))


def bend_choice(
    choice: ToolChoice | None, tools: tuple[AnyTool, ...] | None, target: str, own: Extras, losses: Losses
) -> ToolChoice | None:
    """The choice among the tools that came along.

    Args:
        tools: those that came along.
        own: extras that mark the choice as one of the target's.
    """
    if choice is None:
        return None
    losses.add_foreign(choice.extras, target, "tool_choice")
    declared = {tool.name for tool in tools or () if isinstance(tool, Tool)}
    declared |= {tool.meaning.kind.value for tool in tools or () if isinstance(tool, Opaque) and isinstance(tool.meaning, HostedTool)}
    names = tuple(name for name in choice.names if name in declared)
    if len(names) < len(choice.names) or (choice.mode is ChoiceMode.REQUIRED and not declared):
        losses.add("tool_choice", "it is among tools that did not come along")
    if not declared or (choice.names and not names):  # nothing to choose from, which is refused
        return None
    return evolve(choice, names=names, subset=choice.subset or len(choice.names) > 1, extras=own)


def bend_limit(limit: int | None, profile: Profile, losses: Losses) -> int | None:
    """The token limit, no higher than the model's."""
    if limit is not None and profile.max_output is not None and limit > profile.max_output:
        losses.add("max_tokens", f"lowered to the model's {profile.max_output}")
        return profile.max_output
    return limit


def bend_effort(thinking: Thinking, profile: Profile, losses: Losses) -> str | None:
    """The word for how much to think that the model takes, or None for its own choice."""
    wanted = wanted_effort(thinking)
    if wanted is None or profile.reasoning is ReasoningStyle.NONE:
        if wanted not in (None, "none"):  # a model that does not think has been switched off already
            losses.add("thinking", "this model has no such switch")
        return None
    given = nearest_effort(wanted, profile.efforts)
    if given != wanted:
        losses.add("thinking", f"effort {wanted} became {given or 'the default'}")
    return given


def bend_output(output: Output | None, profile: Profile, target: str, own: Extras, losses: Losses) -> Output | None:
    """The shape of the answer, with the name that the vendor demands of a schema.

    Args:
        own: extras that mark it as one of the target's.
    """
    if output is None or output.kind is OutputKind.TEXT:
        return None
    losses.add_foreign(output.extras, target, "output_config.format")
    if output.kind is OutputKind.JSON_OBJECT:
        return Output(OutputKind.JSON_OBJECT, extras=own)
    if not profile.structured_output:
        losses.add("output_config.format", "this model takes no schema for its answer")
        return None
    return evolve(output, name=output.name or "response", extras=own)


def bend_tier(tier: str | None) -> str | None:
    """The service tier, unless it says what holds anyhow."""
    return None if tier == "auto" else tier
