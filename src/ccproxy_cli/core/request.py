"""A request to a model, in words that no vendor owns."""

import enum
from typing import TypeAlias

from attrs import frozen

from ccproxy_cli.core.extras import NO_EXTRAS, Extras
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import CacheMark, Opaque, Part, Text, ToolKind


class Role(enum.StrEnum):
    SYSTEM = "system"
    DEVELOPER = "developer"
    """Means the same as SYSTEM; kept apart because some vendors do."""
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    """Holds tool results only. Formats without such a role send it as the user's."""


INSTRUCTING = frozenset({Role.SYSTEM, Role.DEVELOPER})


@frozen
class Message:
    """One message as the client wrote it: encoders merge, split and reorder, decoders never do."""

    role: Role
    parts: tuple[Part, ...] = ()
    flat: bool = False
    """The content was one bare string, not a list."""
    name: str | None = None
    """The author's name."""
    extras: Extras = NO_EXTRAS


@frozen
class Tool:
    """A tool that the client runs."""

    name: str
    description: str | None = None
    parameters: JSON | None = None
    """JSON Schema of the arguments; None if the client gave none."""
    strict: bool | None = None
    kind: ToolKind = ToolKind.FUNCTION
    grammar: JSON | None = None
    """For a custom tool, the vendor's description of the text it takes."""
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


AnyTool: TypeAlias = Tool | Opaque
"""A client's tool, or a vendor's hosted one."""


class ChoiceMode(enum.StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@frozen
class ToolChoice:
    """Whether the model may, must or must not call tools, and which."""

    mode: ChoiceMode
    names: tuple[str, ...] = ()
    """The tools it is limited to; all when empty. REQUIRED with one name forces that tool."""
    subset: bool = False
    """`names` was written as a list of allowed tools, even if it holds one."""
    extras: Extras = NO_EXTRAS


@frozen
class Sampling:
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None


class ThinkingMode(enum.StrEnum):
    BUDGET = "enabled"
    """Think, within `budget` tokens."""
    ADAPTIVE = "adaptive"
    """The model decides how much."""
    DISABLED = "disabled"


@frozen
class Thinking:
    """How much the model should think: the client's own words, not a bucket, so that they survive a round trip."""

    mode: ThinkingMode | None = None
    budget: int | None = None
    effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`."""
    display: str | None = None
    """Whether the thinking is shown, in the vendor's words."""
    extras: Extras = NO_EXTRAS


class OutputKind(enum.StrEnum):
    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


@frozen
class Output:
    """What shape the answer's text must have."""

    kind: OutputKind
    schema: JSON | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extras: Extras = NO_EXTRAS


@frozen
class Request:
    model: str
    messages: tuple[Message, ...]
    instructions: tuple[Text | Opaque, ...] = ()
    """System text that stands apart from the messages. Formats without such a place keep theirs in `messages`."""
    instructions_flat: bool = False
    """The instructions were one bare string."""
    tools: tuple[AnyTool, ...] | None = None
    """None if absent: an empty list is a thing clients send."""
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] | None = None
    thinking: Thinking | None = None
    output: Output | None = None
    stream: bool | None = None
    stream_usage: bool | None = None
    """The client asked for usage inside the stream; only formats that make it optional look at this."""
    user: str | None = None
    """The client's id of its end user."""
    cache: CacheMark | None = None
    """Cache up to the last cacheable thing, wherever that is."""
    cache_key: str | None = None
    service_tier: str | None = None
    """How soon and for how much, in OpenAI's words: `auto`, `default`, `flex`, `priority`, and others that it alone knows."""
    logprobs: int | None = None
    """Tell how likely each token was, and so many others. None: do not."""
    extras: Extras = NO_EXTRAS
