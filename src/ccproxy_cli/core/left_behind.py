"""What stays behind when a request changes formats, and the words in which its client is told."""

from collections.abc import Iterator

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import CacheMark, Media, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.request import Request

BILLING = "x-anthropic-billing-header:"
"""Claude Code begins its system text with a line that changes on every run (seen 2026-11). It is no content, and would make
every request's prefix a new one to the provider's cache."""

NO_RESULT = "[no result recorded]"
"""Stands in for the result of a call that has none, which vendors refuse."""


def drop_cache(mark: CacheMark | None, path: str, losses: Losses) -> None:
    """For providers that take no marks."""
    if mark is not None:
        losses.add(f"{path}.cache_control" if path else "cache_control", "this provider caches on its own")


def own_proofs(part: Reasoning | Text | ToolCall, issuer: str, path: str, losses: Losses) -> tuple[Proof, ...]:
    """The proofs of a part that `issuer` gave it, who is to have the part."""
    own = tuple(proof for proof in part.proofs if proof.issuer == issuer)
    if len(own) < len(part.proofs):
        losses.add(f"{path}.signature", "proofs go back to their issuer alone")
    return own


def cut_billing(text: str, path: str, losses: Losses) -> str:
    """The first of the instructions' texts without the billing line."""
    if not text.startswith(BILLING):
        return text
    losses.add(path, "the client's billing line is for its own vendor")
    return text.partition("\n")[2]


def spoken_instructions(request: Request, target: str, losses: Losses) -> Iterator[tuple[Text, str]]:
    """The words of the instructions for a target of another format, with their places. Marks for the cache are still on them."""
    for index, part in enumerate(request.instructions):
        path = "system" if request.instructions_flat else f"system[{index}]"
        if isinstance(part, Opaque):
            losses.add(path, f"{target} has no instructions of type {part.type}")
            continue
        losses.add_foreign(part.extras, target, path)
        text = cut_billing(part.text, path, losses) if index == 0 else part.text
        if text:
            yield Text(text, part.cache), path


# Answers


def is_blank(part: Part, target: str) -> bool:
    """Words or thoughts with nothing in them for `target`, which vendors send by the way and other formats' clients stumble over."""
    match part:
        case Text() | Reasoning():
            return not part.text and not any(proof.issuer == target for proof in part.proofs)
        case Refusal():
            return not part.text
        case _:
            return False


def media_note(part: Media) -> str:
    """What stands where the model answered with a medium that the format's answers cannot hold."""
    return f"[{part.kind.value} left out: the answer's format cannot hold it]"
