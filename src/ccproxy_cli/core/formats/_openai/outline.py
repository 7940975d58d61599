"""What both of OpenAI's formats say in the same words of what routing rules may ask."""

import msgspec

from ccproxy_cli.core.formats._outline import read

_SMALL = "nano"
"""opencode asks these models for titles (seen 2026-11)."""


class _Reasoning(msgspec.Struct, gc=False):
    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None


_reasoning = msgspec.json.Decoder(_Reasoning)
_effort = msgspec.json.Decoder(str | None)


def is_small(model: str) -> bool:
    """Whether a model is the kind that agents ask for their chores."""
    return _SMALL in model.replace("/", "-").split("-")


def reasons(text: bytes | None) -> bool:
    """Whether a `reasoning` object asks for reasoning. OpenRouter's, which Chat clients send there, may also say so in other words."""
    asked = read(text, _reasoning)
    if asked is None or asked.enabled is False or asked.max_tokens == 0:
        return False
    return asked.effort != "none"


def is_effort(text: bytes | None) -> bool:
    """Whether a bare effort asks for reasoning."""
    asked = read(text, _effort)
    return asked is not None and asked != "none"
