"""How much a client asks to think: in one word, or in the object of OpenRouter's clients.

The object holds an effort, or a number of tokens, or only that the model should think; and whether to leave the thoughts out of the answer,
which shows them otherwise (OpenRouter's page on reasoning tokens, 2026-11).
"""

from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.wire import MAX_LIMIT, WireRequest
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.request import Thinking, ThinkingMode

_MEMBER = "reasoning"
_KNOWN = frozenset({"effort", "max_tokens", "enabled", "exclude"})
_DEFAULT = "medium"
"""What `enabled` alone means."""


def read_thinking(wire: WireRequest, members: dict[str, JSON]) -> Thinking | None:
    """What a request says of thinking. An object that says nothing of ours, or besides the word, stays among `members`."""
    if wire.reasoning_effort is not None:
        return Thinking(effort=wire.reasoning_effort)
    match members.get(_MEMBER):
        case dict() as asked if _KNOWN & asked.keys() and _is_proper(asked):
            return _read(members.pop(_MEMBER))
        case _:
            return None


def _is_proper(asked: dict[str, JSON]) -> bool:
    effort, limit = asked.get("effort"), asked.get("max_tokens")
    switches = all(isinstance(asked.get(name), bool | None) for name in ("enabled", "exclude"))
    return switches and isinstance(effort, str | None) and (limit is None or (type(limit) is int and 0 < limit <= MAX_LIMIT))


def _read(asked: dict[str, JSON]) -> Thinking:
    extras = spelling.ours({name: value for name, value in asked.items() if name not in _KNOWN}, {spelling.AS_WRITTEN: asked})
    shown = "omitted" if asked.get("exclude") else "summarized"
    effort, limit = asked.get("effort"), asked.get("max_tokens")
    if asked.get("enabled") is False:
        return Thinking(ThinkingMode.DISABLED, extras=extras)
    if limit is not None and effort is None:
        return Thinking(ThinkingMode.BUDGET, limit, display=shown, extras=extras)
    return Thinking(effort=effort or (_DEFAULT if asked.get("enabled") else None), display=shown, extras=extras)


def write_thinking(thinking: Thinking | None) -> dict[str, JSON]:
    """The member of a request of our own that says it."""
    if thinking is None:
        return {}
    if spelling.said(thinking.extras, spelling.AS_WRITTEN):
        return {_MEMBER: thinking.extras[spelling.NAME][spelling.AS_WRITTEN]}
    return {} if thinking.effort is None else {"reasoning_effort": thinking.effort}
