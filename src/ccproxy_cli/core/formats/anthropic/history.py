"""A conversation from another format, brought under this vendor's rules.

The rules (vendor's errors, recorded 2025 and 2026): roles alternate; every tool call is answered in the very next user message, and the
answers stand first in it; no text is empty; nothing but text, thinking and calls comes from the model. What is moved keeps its words,
what must go is recorded, and the same history always gives the same bytes.
"""

import re
from collections.abc import Iterable, Iterator

from attrs import evolve

from ccproxy_cli.core.arguments import wrap_text
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.media import fit_media
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.left_behind import own_proofs
from ccproxy_cli.core.parts import Excerpts, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import INSTRUCTING, Message, Role
from ccproxy_cli.core.turns import Turn, lead_in, pair_results, remind

CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def adapt_history(messages: tuple[Message, ...], late_system: bool, losses: Losses) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """The leading instructions, one text per part of them, and the conversation.

    Raises:
        BadRequest: a part that the vendor has no place for and that cannot be left out.
    """
    lead, messages = lead_in(messages, NAME, losses)
    instructions = [text for index in range(lead) for text in _instruction(messages[index], f"messages[{index}]", losses)]
    turns = _turns(messages, lead, losses)
    pair_results(turns, CALL_ID, losses)
    adapted = _merged(message for turn in turns for message in _messages(turn, late_system))
    if not adapted:
        raise BadRequest("messages: at least one message with content is required", "messages")
    return tuple(instructions), tuple(_without_trailing_space(adapted))


def _instruction(message: Message, path: str, losses: Losses) -> list[Text]:
    return [part for part in _fit_parts(message, path, losses) if isinstance(part, Text)]


def _turns(messages: tuple[Message, ...], lead: int, losses: Losses) -> list[Turn]:
    turns: list[Turn] = []
    carried: list[Part] = []
    for index, message in enumerate(messages[lead:], lead):
        path = f"messages[{index}]"
        side = Role.ASSISTANT if message.role is Role.ASSISTANT else Role.USER
        parts = _fit_parts(message, path, losses)
        if side is Role.ASSISTANT:
            # The vendor takes media from the user alone (documents since version 2026-10-21), so the model's own come back with the user.
            carried += [part for part in parts if isinstance(part, Media)]
            parts = [part for part in parts if not isinstance(part, Media | ToolResult)]
        if not parts:
            continue
        if not turns or turns[-1].role is not side:
            turns.append(Turn(side))
        turn = turns[-1]
        if side is Role.USER and carried:
            turn.add(Role.USER, carried)
            carried = []
        if side is Role.USER:
            parts = turn.take_results(parts, path)
        turn.add(Role.SYSTEM if message.role in INSTRUCTING else side, parts)
    if carried:
        losses.add("messages", f"{NAME} takes no media from the assistant")
    return turns


# Parts.


def _fit_parts(message: Message, path: str, losses: Losses) -> list[Part]:
    """The parts of `message` that can be sent, each in a form that can."""
    losses.add_foreign(message.extras, NAME, path)
    if message.name is not None:
        losses.add(f"{path}.name", f"{NAME} has no names of authors")
    parts: list[Part] = []
    for index, part in enumerate(message.parts):
        if isinstance(part, Text) and not part.extras and not part.proofs and is_readable(part.text):
            parts.append(part)  # nearly every part there is
        else:
            parts += _fit_part(part, message.role, f"{path}.content" if message.flat else f"{path}.content[{index}]", losses)
    return parts


def is_readable(text: str) -> bool:
    """Whether there is more in it than white space."""
    return bool(text) and not text.isspace()


def _fit_part(part: Part, role: Role, path: str, losses: Losses) -> Iterator[Part]:
    if not isinstance(part, Opaque):
        losses.add_foreign(part.extras, NAME, path)
    match part:
        case Text():
            if is_readable(part.text):
                yield evolve(part, proofs=own_proofs(part, NAME, path, losses)) if part.proofs else part
            elif part.text or part.proofs:
                losses.add(path, f"{NAME} refuses text with nothing in it to read")
        case Refusal():
            if is_readable(part.text):
                yield Text(part.text, extras=part.extras)
        case Media() if role in INSTRUCTING:
            losses.add(path, f"{NAME} takes only text as instructions")
        case Media():
            yield fit_media(_fit_excerpts(part, path, losses), path, losses)
        case Reasoning():
            own = tuple(proof for proof in part.proofs if proof.issuer == NAME)
            if own and role is Role.ASSISTANT:
                yield evolve(part, proofs=own)
            else:
                losses.add(path, f"{NAME} takes only reasoning that it signed itself")
        case ToolCall() if role is Role.ASSISTANT:
            yield _fit_call(part, path, losses)
        case ToolResult() if role in (Role.USER, Role.TOOL):
            inner = tuple(fit for index, piece in enumerate(part.parts) for fit in _fit_part(piece, Role.USER, f"{path}[{index}]", losses))
            unchanged = inner == part.parts and part.is_error is not False
            yield part if unchanged else evolve(part, parts=inner, is_error=part.is_error or None)
        case ToolCall() | ToolResult():
            losses.add(path, f"{NAME} has no such part in a message of this role")
        case Opaque():
            if part.format == NAME:
                yield part
            else:
                losses.add(path, f"{NAME} has no {part.type}")


def _fit_excerpts(part: Media, path: str, losses: Losses) -> Media:
    if not isinstance(part.source, Excerpts):
        return part
    inner = [fit for piece in part.source.parts for fit in _fit_part(piece, Role.USER, path, losses)]
    return evolve(part, source=Excerpts(tuple(inner), part.source.flat))


def _fit_call(part: ToolCall, path: str, losses: Losses) -> ToolCall:
    if part.proofs:
        part = evolve(part, proofs=own_proofs(part, NAME, path, losses))
    if part.kind is ToolKind.CUSTOM:
        part = evolve(part, kind=ToolKind.FUNCTION, arguments=wrap_text(part.arguments))
    return part


# Messages.


def _messages(turn: Turn, late_system: bool) -> Iterator[Message]:
    """Never flat: a cache mark comes and goes with a message's distance from the end, and must not change how the rest is spelled."""
    segments = turn.segments
    if turn.role is Role.USER and (turn.answers or [role for role, _ in segments] != [Role.USER]):
        if turn.answers:
            segments = [(Role.USER, list(turn.answers)), *segments]
        segments = _placed(segments, late_system)
    for role, parts in segments:
        yield Message(role, tuple(parts))


def _merged(messages: Iterable[Message]) -> list[Message]:
    """Neighbours of one role as one: a turn that held nothing but a dropped result leaves two such."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role is message.role:
            merged[-1] = evolve(merged[-1], parts=(*merged[-1].parts, *message.parts))
        else:
            merged.append(message)
    return merged


def _placed(segments: list[tuple[Role, list[Part]]], late_system: bool) -> list[tuple[Role, list[Part]]]:
    """System text where the target takes it: as a message of its own after the user's first, else as a reminder among the user's words.

    Every recorded late system message stands after a user message (2026), so one is never sent before it.
    """
    if late_system and any(role is Role.USER for role, _ in segments):
        first = next(index for index, (role, _) in enumerate(segments) if role is Role.USER)
        segments = [segments[first], *segments[:first], *segments[first + 1 :]]
    else:
        segments = [(Role.USER, [remind(part) for part in parts] if role is Role.SYSTEM else parts) for role, parts in segments]
    merged = Turn(Role.USER)
    for role, parts in segments:
        merged.add(role, parts)
    return merged.segments


def _without_trailing_space(messages: list[Message]) -> list[Message]:
    """The vendor refuses an unfinished answer that ends in white space."""
    last = messages[-1]
    if last.role is Role.ASSISTANT and isinstance(final := last.parts[-1], Text):
        messages[-1] = evolve(last, parts=(*last.parts[:-1], evolve(final, text=final.text.rstrip())))
    return messages
