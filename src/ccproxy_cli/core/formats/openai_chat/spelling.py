"""How a thing was spelled, where the wire has several spellings for what the vocabulary says in one way.

Notes ride in the extras beside the members we do not know, under names that begin with `NOTE`. Members of an inner object ride
in the extras of the outer one under dotted names, such as `function.strict`, which is also how a loss report names them.
"""

from collections.abc import Mapping

from ccproxy_cli.core.extras import NOTE, Extras, extras_of
from ccproxy_cli.core.formats._openai.members import dotted as dotted
from ccproxy_cli.core.formats._openai.members import inner_of, outer_of
from ccproxy_cli.core.formats._openai.members import note as note
from ccproxy_cli.core.formats.openai_chat.wire import NAME as NAME
from ccproxy_cli.core.jsontext import JSON

NO_TYPE = NOTE + "no type"
"""A function call or tool without its `type`."""
NO_CONTENT = NOTE + "no content"
"""`content` was absent, not null."""
EMPTY = NOTE + "empty "
"""Before the name of a member that held the empty string, which says nothing elsewhere."""
IN_MESSAGE = NOTE + "in message"
"""The refusal stood beside the content, not in it."""
IN_CONTENT = NOTE + "in content"
"""The reasoning stood among the parts of the content. Mistral."""
BARE = NOTE + "bare"
"""The value itself, where the reference has an object, a list or a data URL around it."""
REASONING = NOTE + "reasoning"
"""The member was called `reasoning`, not `reasoning_content`. OpenRouter, Groq, Cerebras."""
LEGACY = NOTE + "legacy"
"""Said in the words of before tools: `functions`, `function_call`, the role `function`."""
MAX_TOKENS = NOTE + "max_tokens"
"""The limit was called `max_tokens`, not `max_completion_tokens`."""
NO_TOOLS = NOTE + "no tools"
"""`functions` was an empty list, and `tools` absent."""
LOGPROBS = NOTE + "logprobs"
"""`logprobs` and `top_logprobs` as the client wrote them."""
SEARCH = NOTE + "web_search_options"
"""`web_search_options` as the client wrote it. What it amounts to is among the tools."""
ONE_CHOICE = NOTE + "one choice"
"""`n` was given, and was 1."""
ANY = NOTE + "any"
"""`tool_choice` said `any`, not `required`. Mistral."""
IN_PARTS = NOTE + "in parts"
"""An answer's content was a list, not the one string it always is at OpenAI. Mistral."""
AS_WRITTEN = NOTE + "as written"
"""The whole value as the client wrote it, because writing it anew would not give the same."""


def said(extras: Extras, name: str) -> bool:
    """Whether `name`, a note or a member, is among our extras."""
    members = extras.get(NAME)
    return members is not None and name in members


def is_own(extras: Extras) -> bool:
    """Whether whatever carries these extras came in this format."""
    return NAME in extras


def own_members(extras: Extras, *inner: str) -> dict[str, JSON]:
    """Our members that stood in the object itself: without notes, and without those of the `inner` objects."""
    members = extras.get(NAME)
    if not members:
        return {}
    return outer_of(members, inner)


def with_members(body: dict[str, JSON], extras: Extras, *inner: str) -> dict[str, JSON]:
    """`body` with our members that stood beside what it says itself; see `own_members`."""
    if NAME in extras:
        for name, value in own_members(extras, *inner).items():
            body.setdefault(name, value)
    return body


def with_inner(body: dict[str, JSON], extras: Extras, prefix: str) -> dict[str, JSON]:
    """`body` as the inner object `prefix`, with our members that stood in that; see `inner_members`."""
    if NAME in extras:
        for name, value in inner_members(extras, prefix).items():
            body.setdefault(name, value)
    return body


def inner_members(extras: Extras, prefix: str) -> dict[str, JSON]:
    """Our members that stood in the inner object `prefix`."""
    members = extras.get(NAME)
    if not members:
        return {}
    return inner_of(members, prefix)


def ours(*members: Mapping[str, JSON]) -> Extras:
    """Extras of this format that hold all these members."""
    if not any(members):
        return extras_of(NAME, {})
    merged: dict[str, JSON] = {}
    for some in members:
        merged.update(some)
    return extras_of(NAME, merged)
