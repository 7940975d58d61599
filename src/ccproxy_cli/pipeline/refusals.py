"""Refused proofs: how vendors word it, and the request without what they refused.

A proof may have been valid and be so no longer: the account, the model or the text before it has changed since. The conversation can go on
without the reasoning, and only without it.
"""

import re
from collections.abc import Callable, Iterator

from attrs import evolve, frozen

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Request, Role, ThinkingMode
from ccproxy_cli.pipeline.homing import map_answers


@frozen
class ProofRefusal:
    """One way of refusing a proof."""

    pattern: re.Pattern[str]
    issuer: str
    source: str
    """Where the wording is from."""
    missing: bool = False
    """It is about proofs that are not there, and says nothing against the others."""


def _refusal(pattern: str, issuer: str, source: str, *, missing: bool = False) -> ProofRefusal:
    return ProofRefusal(re.compile(pattern, re.IGNORECASE), issuer, source, missing)


REFUSALS = (
    _refusal(r"invalid `?signature`? in `?thinking`? block", "anthropic", "API errors quoted in public issues, 2025 and 2026"),
    _refusal(r"expected `?thinking`? or `?redacted_thinking`?,? but found", "anthropic", "API errors quoted in public issues, 2025"),
    _refusal(r"`?thinking`? or `?redacted_thinking`? blocks .{0,60}cannot be modified", "anthropic", "API errors in public issues, 2025"),
    _refusal(r"encrypted content .{0,200}could not be (verified|decrypted)", "openai-responses", "API errors in public issues, 2025"),
    _refusal(r"of type 'reasoning' was provided without its required following item", "openai-responses", "recorded answers, 2026"),
    _refusal(r"thought signature is not valid", "gemini", "API errors quoted in public issues, 2026"),
    _refusal(r"missing a `?thought_signature`?", "gemini", "Google's page on thought signatures, 2026-11", missing=True),
)


def refusal_in(error: APIError) -> ProofRefusal | None:
    """How `error` refuses a proof; None if it is about anything else."""
    if error.http_status != 400:
        return None
    return next((refusal for refusal in REFUSALS if refusal.pattern.search(error.message)), None)


def without_refused(
    request: Request, refusal: ProofRefusal, losses: Losses, is_refused: Callable[[str], bool] = lambda _: True
) -> Request | None:
    """The request as the vendor may take it: without reasoning and proofs, or with what stands in for those it misses.

    None if that changes nothing, so that trying again is no use.

    Args:
        is_refused: whether a proof is among those that are refused; all are, where the vendor did not say which.
    """

    def stripped(parts: tuple[Part, ...], path: str) -> Iterator[Part]:
        for position, part in enumerate(parts):
            proofs = part.proofs if isinstance(part, Reasoning | Text | ToolCall) else ()
            if proofs and not any(is_refused(proof.payload) for proof in proofs):
                yield part
                continue
            if isinstance(part, Reasoning) or proofs:
                losses.add(f"{path}[{position}]", "its vendor does not take its proof back any more")
            match part:
                case Reasoning():
                    continue
                case Text(proofs=(_, *_)) if not part.text:
                    continue
                case Text(proofs=(_, *_)):
                    yield evolve(part, proofs=())
                case ToolCall():
                    # An item's id names what the vendor keeps of it, the reasoning before it included.
                    yield evolve(part, proofs=(), item_id=None)
                case _:
                    yield part

    changed = request if refusal.missing else map_answers(request, stripped)
    slot = FORMATS[refusal.issuer].proof_slot
    if slot is not None and slot.stand_in is not None:
        stand_in = Proof(refusal.issuer, slot.stand_in)
        changed = map_answers(changed, lambda parts, path: _stood_in(parts, stand_in))
    changed = _without_open_thinking(changed, refusal, losses)
    return None if changed == request else changed


def _stood_in(parts: tuple[Part, ...], stand_in: Proof) -> Iterator[Part]:
    """The parts with something on the first call, if it has no proof: that is where the vendor looks."""
    first = True
    for part in parts:
        if isinstance(part, ToolCall) and first:
            first = False
            yield part if part.proofs else evolve(part, proofs=(stand_in,))
        else:
            yield part


def _without_open_thinking(request: Request, refusal: ProofRefusal, losses: Losses) -> Request:
    """Thinking within a budget switched off in the middle of a tool loop: the vendor then wants the thinking before the calls back."""
    if refusal.issuer != "anthropic" or request.thinking is None or request.thinking.mode is not ThinkingMode.BUDGET:
        return request
    last = next((message for message in reversed(request.messages) if message.role is Role.ASSISTANT), None)
    if (
        last is None
        or not any(isinstance(part, ToolCall) for part in last.parts)
        or any(isinstance(part, Reasoning) for part in last.parts)
    ):
        return request
    losses.add("thinking", "the last tool calls come without signed thinking, which the model wants back before it thinks on")
    return evolve(request, thinking=None)
