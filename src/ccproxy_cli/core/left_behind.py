"""What stays behind when a request changes formats, and the words in which its client is told."""

from collections.abc import Iterator

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.extras import ANSWER, Losses
from ccproxy_cli.core.hosted import HostedStep, HostedTool
from ccproxy_cli.core.parts import CacheMark, Media, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish, FinishReason, Usage

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


def hosted_meaning(tool: Opaque, target: str, profile: Profile, path: str, losses: Losses) -> HostedTool | None:
    """A hosted tool of another format in neutral words; None, recorded, if `target` has none of its kind or the model cannot use it."""
    meaning = tool.meaning
    if not isinstance(meaning, HostedTool):
        losses.add(path, f"{target} has no tool of type {tool.type}")
    elif not profile.hosts(meaning.kind):
        losses.add(path, f"this model has no {meaning.kind.value} of its own")
    else:
        return meaning
    return None


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


def leave_part(part: Part, target: str, losses: Losses) -> None:
    """Record a part of an answer that `target` has no place for."""
    match part:
        case Media():
            losses.add(f"{ANSWER}{part.kind.value}", f"{target} has no place for it in an answer, so a line stands for it")
        case Opaque(meaning=HostedStep(kind=kind)):
            losses.add(f"{ANSWER}{kind.value}", f"{target} has no words for what this hosted tool did")
        case Opaque() | ToolResult():
            name = part.type if isinstance(part, Opaque) else "tool_result"
            losses.add(f"{ANSWER}{name}", f"{target} has no such part")
        case _:
            pass


def leave_citation(target: str, losses: Losses, *, late: bool = False) -> None:
    """Record a citation that `target` has no words for, or none any more once what it is about has been told."""
    losses.add(
        f"{ANSWER}citations", "the words had been told when their source came" if late else f"{target} has no words for such a source"
    )


def leave_quote(citation: Citation, target: str, losses: Losses) -> None:
    """Record that a source's own words cannot be told beside its address."""
    if citation.quote is not None:
        losses.add(f"{ANSWER}citations.quote", f"{target} has no place for the source's own words")


def leave_logprobs(target: str, losses: Losses) -> None:
    """Record the log probabilities of an answer for a `target` that has no words for them."""
    losses.add(f"{ANSWER}logprobs", f"{target} has no log probabilities")


def leave_tier(tier: str, target: str, losses: Losses) -> None:
    """Record what an answer was served at, in a word that `target` has not."""
    losses.add(f"{ANSWER}service_tier", f"{target} has no tier {tier[:40]!r}")


def leave_ending(finish: Finish, usage: Usage, target: str, losses: Losses, *, cache_write: bool = True) -> None:
    """Record what `target`, which tells neither of stop sequences nor of pauses, cannot say of an answer's end.

    Args:
        cache_write: it counts tokens written to a cache apart.
    """
    if finish.stop_sequence is not None:
        losses.add(f"{ANSWER}stop_sequence", f"{target} does not tell which one came")
    if finish.reason is FinishReason.PAUSE:
        losses.add(f"{ANSWER}stop_reason", f"{target} has no word for an answer that pauses")
    if usage.cache_write and not cache_write:
        losses.add(f"{ANSWER}usage.cache_write", f"{target} counts it among the rest of the prompt")
