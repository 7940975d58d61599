"""Rearranges the messages of another format to this format's rules.

Rules, by the vendor's reference and recorded refusals (2026-09): every call is answered by a tool message directly after the
assistant's, before anything else; a tool message holds text alone, so that images go into one user message behind all results of
the turn; system text may stand anywhere but between a call and its result; the assistant says text and calls in one message.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, evolve, field

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.media import MediaFitter
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.ids import digest_id, fit_id
from ccproxy_cli.core.left_behind import NO_RESULT, drop_cache, own_proofs, spoken_instructions
from ccproxy_cli.core.parts import CacheMark, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import INSTRUCTING, Message, Request, Role

CALL_ID = re.compile(r"[!-~]{1,40}")
"""Some deployments refuse call ids of more than 40 characters."""
SHORT_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")
"""Mistral's, which refuses all others ("must be a-z, A-Z, 0-9, with a length of 9", quoted in public issues until 2026-06)."""


def bend_messages(request: Request, profile: Profile, losses: Losses) -> tuple[Message, ...]:
    """The whole conversation, instructions first.

    Raises:
        BadRequest: media that cannot be sent and must not be left out.
    """
    bending = _Bending(profile, losses)
    bending.add_instructions(request)
    for index, message in enumerate(request.messages):
        bending.add(message, f"messages[{index}]")
    bending.settle()
    return tuple(bending.done) or (_user((Text(),), None),)  # the vendor answers an empty message, and refuses none


@define
class _Turn:
    """What has come since the assistant last called tools."""

    open: dict[str, str] = field(factory=dict)
    """Calls without a result yet: id to the path of the call."""
    results: list[Message] = field(factory=list)
    media: list[Part] = field(factory=list)
    """What the tool messages could not hold, in the order they name it."""
    after: list[Message] = field(factory=list)
    """Messages that have to wait until the results are told."""


@define
class _Bending:
    profile: Profile
    losses: Losses
    done: list[Message] = field(factory=list)
    turn: _Turn | None = None
    media: MediaFitter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.media = MediaFitter(self.losses)

    # Instructions

    def add_instructions(self, request: Request) -> None:
        texts = [Text(part.text, self._cache(part.cache, path)) for part, path in spoken_instructions(request, NAME, self.losses)]
        if texts:
            self.done.append(self._system(texts))

    def _system(self, texts: Sequence[Text]) -> Message:
        role = Role.DEVELOPER if self.profile.developer_role else Role.SYSTEM
        if any([text.cache for text in texts]):  # noqa: C419 - a generator costs more than the few it looks at
            return Message(role, tuple(texts))
        return Message(role, (texts[0] if len(texts) == 1 else Text("\n\n".join([text.text for text in texts])),), flat=True)

    # Messages

    def add(self, message: Message, path: str) -> None:
        self.losses.add_foreign(message.extras, NAME, path)
        match message.role:
            case Role.ASSISTANT:
                self._add_assistant(message, path)
            case role if role in INSTRUCTING:
                texts = [part for part in self._content(message, path) if isinstance(part, Text)]
                if texts:
                    self._place(self._system(texts))
            case _:
                self._add_user(message, path)

    def _place(self, message: Message) -> None:
        """Behind the results of the turn, if some are still to come."""
        if self.turn is None:
            self.done.append(message)
        else:
            self.turn.after.append(message)

    def _add_user(self, message: Message, path: str) -> None:
        rest: list[Part] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                self._add_result(part, f"{path}.content[{index}]")
            else:
                rest += self._part(part, f"{path}.content[{index}]")
        if rest:
            self._place(_user(rest, message.name))

    def _add_result(self, result: ToolResult, path: str) -> None:
        turn, call_id = self.turn, self._call_id(result.call_id)
        if turn is None or call_id not in turn.open:
            self.losses.add(path, "a result for a call that was not made")
            return
        del turn.open[call_id]
        self.losses.add_foreign(result.extras, NAME, path)
        cache = self._cache(result.cache, path)
        words: list[str] = []
        for index, part in enumerate(result.parts):
            for fitted in self._part(part, path if result.flat else f"{path}.content[{index}]"):
                if isinstance(fitted, Text):
                    words.append(fitted.text)
                elif isinstance(fitted, Media):
                    number = 1 + sum(isinstance(kept, Media) and kept.kind is fitted.kind for kept in turn.media)
                    words.append(f"[{fitted.kind.value} {number} attached below]")
                    turn.media.append(fitted)
        text = "\n".join(words)
        if result.is_error and not text.lstrip().lower().startswith("error"):
            text = f"Error: {text}"
        turn.results.append(_tool_message(call_id, Text(text, cache)))

    def _add_assistant(self, message: Message, path: str) -> None:
        parts = list(self._assistant_parts(message, path))
        turn = self.turn
        if turn is not None and not turn.results and not any(later.role is Role.USER for later in turn.after):
            # Two of the assistant's messages in a row are one turn, and its results come after both.
            parts = [*self.done.pop().parts, *parts]
        else:
            self.settle()
            turn = _Turn()
        if not parts:
            return
        self.done.append(_assistant(parts, message.name))
        for part in parts:
            if isinstance(part, ToolCall):
                turn.open.setdefault(part.call_id, path)
        self.turn = turn if turn.open else None

    def _assistant_parts(self, message: Message, path: str) -> Iterator[Part]:
        for index, part in enumerate(message.parts):
            where = f"{path}.content[{index}]"
            match part:
                case Reasoning():
                    if self.profile.reasoning_replay and part.text:
                        yield Reasoning(part.text)
                        own_proofs(part, NAME, where, self.losses)
                    else:
                        self.losses.add(where, "this model does not take earlier reasoning back")
                case ToolCall():
                    self.losses.add_foreign(part.extras, NAME, where)
                    self._cache(part.cache, where)
                    own_proofs(part, NAME, where, self.losses)
                    empty = part.kind is ToolKind.FUNCTION and not part.arguments.strip()
                    yield ToolCall(self._call_id(part.call_id), part.name, "{}" if empty else part.arguments, part.kind)
                case Refusal():
                    self.losses.add_foreign(part.extras, NAME, where)
                    yield Refusal(part.text, spelling.ours(spelling.note(spelling.IN_MESSAGE)))
                case Media():
                    self.losses.add(where, f"{NAME} has no {part.kind.value} in the assistant's message")
                case _:
                    yield from self._part(part, where)

    def _call_id(self, given: str) -> str:
        if self.profile.short_call_ids:
            return given if SHORT_CALL_ID.fullmatch(given) else digest_id(given)[:9]
        return fit_id(given, CALL_ID)

    def settle(self) -> None:
        """Tell what the turn has gathered: results, then what they could not hold, then the messages that waited."""
        turn, self.turn = self.turn, None
        if turn is None:
            return
        for call_id, path in turn.open.items():
            self.losses.add(path, f"call {call_id[:80]} has no result")
            turn.results.append(_tool_message(call_id, Text(NO_RESULT)))
        self.done += turn.results
        waiting = turn.after
        if turn.media:
            at = next((index for index, message in enumerate(waiting) if message.role is Role.USER), None)
            if at is None:
                waiting.insert(0, _user(turn.media, None))
            else:
                later = waiting[at]
                waiting[at] = _user([*turn.media, *later.parts], later.name)
        self.done += waiting

    # Parts

    def _content(self, message: Message, path: str) -> Iterator[Part]:
        for index, part in enumerate(message.parts):
            yield from self._part(part, path if message.flat else f"{path}.content[{index}]")

    def _part(self, part: Part, path: str) -> Iterable[Part]:
        match part:
            case Text():
                return (self._text(part, path),) if part.text else ()
            case Media():
                cache = self._cache(part.cache, path)
                return self.media.fit(evolve(part, cache=cache), path)
            case Opaque():
                self.losses.add(path, f"{NAME} has no content of type {part.type}")
                return ()
            case _:
                self.losses.add(path, f"{type(part).__name__} cannot stand here")
                return ()

    def _text(self, part: Text, path: str) -> Text:
        if part.cache is None and not part.extras and not part.proofs:
            return part
        self.losses.add_foreign(part.extras, NAME, path)
        return Text(part.text, self._cache(part.cache, path))

    def _cache(self, mark: CacheMark | None, path: str) -> CacheMark | None:
        if mark is not None and self.profile.cache_marks:
            return CacheMark(mark.ttl)
        drop_cache(mark, path, self.losses)
        return None


def _user(parts: Sequence[Part], name: str | None) -> Message:
    flat = len(parts) == 1 and isinstance(parts[0], Text) and parts[0].cache is None
    return Message(Role.USER, tuple(parts), flat, name)


def _tool_message(call_id: str, text: Text) -> Message:
    return Message(Role.TOOL, (ToolResult(call_id, (text,), flat=text.cache is None),))


def _assistant(parts: Sequence[Part], name: str | None) -> Message:
    """One message of everything: reasoning, the text as one string unless part of it is marked, refusal, calls."""
    thoughts = "".join([part.text for part in parts if isinstance(part, Reasoning)])
    texts = [part for part in parts if isinstance(part, Text)]
    flat = bool(texts) and not any(text.cache for text in texts)
    if flat and len(texts) > 1:
        texts = [Text("".join([text.text for text in texts]))]
    content: list[Part] = [Reasoning(thoughts)] if thoughts else []
    content += texts
    content += [part for part in parts if isinstance(part, Refusal)]
    content += [part for part in parts if isinstance(part, ToolCall)]
    extras = spelling.ours({} if texts else {"content": None})
    return Message(Role.ASSISTANT, tuple(content), flat, name, extras)
