"""Rearranges the messages of another format to this format's rules.

Rules, by the vendor's reference and recorded refusals (2026-11): every call has one output behind it, and every output a call before
it; call ids have at most 64 characters and are used once; the ids of items are the vendor's own to give, so that foreign history has
none; reasoning is only taken back sealed by the vendor.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, evolve, field, frozen

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.media import MediaFitter
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.ids import UniqueIds
from ccproxy_cli.core.left_behind import NO_RESULT, drop_cache, own_proofs, spoken_instructions
from ccproxy_cli.core.parts import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import INSTRUCTING, Message, Request, Role

CALL_ID = re.compile(r"[!-~]{1,64}")


def bend_instructions(request: Request, losses: Losses) -> tuple[Text, ...]:
    """The instructions as the one text this format has for them."""
    texts: list[str] = []
    for part, path in spoken_instructions(request, NAME, losses):
        drop_cache(part.cache, path, losses)
        texts.append(part.text)
    return (Text("\n\n".join(texts)),) if texts else ()


def bend_messages(request: Request, profile: Profile, losses: Losses) -> tuple[Message, ...]:
    """The whole conversation.

    Raises:
        BadRequest: media that cannot be sent and must not be left out.
    """
    bending = _Bending(losses, Role.DEVELOPER if profile.developer_role else None)
    for index, message in enumerate(request.messages):
        bending.add(message, f"messages[{index}]")
    bending.settle()
    return tuple(bending.done)


@frozen
class _Waiting:
    """A call without a result yet."""

    given: str
    """The id its client gave it."""
    call: ToolCall
    path: str


@define
class _Bending:
    losses: Losses
    instructing: Role | None
    done: list[Message] = field(factory=list)
    waiting: list[_Waiting] = field(factory=list)
    ids: UniqueIds = field(factory=lambda: UniqueIds(CALL_ID))
    media: MediaFitter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.media = MediaFitter(self.losses)

    def add(self, message: Message, path: str) -> None:
        self.losses.add_foreign(message.extras, NAME, path)
        if message.name is not None:
            self.losses.add(f"{path}.name", f"{NAME} has no names of authors")
        match message.role:
            case Role.ASSISTANT:
                self._add_assistant(message, path)
            case role if role in INSTRUCTING:
                texts = [part for part in self._content(message, path) if isinstance(part, Text) and part.text]
                if texts:
                    self.done.append(_message(self.instructing or role, texts))
            case _:
                self._add_user(message, path)

    def settle(self) -> None:
        """Stand in for the results that never came: a call without one is refused."""
        for waiting in self.waiting:
            self.losses.add(waiting.path, f"call {waiting.given[:80]} has no result")
            self.done.append(_output(waiting.call, (Text(NO_RESULT),), flat=True))
        self.waiting.clear()

    # The user's

    def _add_user(self, message: Message, path: str) -> None:
        rest: list[Part] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                self._add_result(part, f"{path}.content[{index}]")
            else:
                rest += self._part(part, path if message.flat else f"{path}.content[{index}]")
        if rest:
            self.done.append(_message(Role.USER, _without_blanks(rest)))

    def _add_result(self, result: ToolResult, path: str) -> None:
        waiting = next((waiting for waiting in self.waiting if waiting.given == result.call_id), None)
        if waiting is None:
            self.losses.add(path, "a result for a call that was not made")
            return
        self.waiting.remove(waiting)
        call = waiting.call
        self.losses.add_foreign(result.extras, NAME, path)
        drop_cache(result.cache, path, self.losses)
        parts = [fitted for index, part in enumerate(result.parts) for fitted in self._part(part, f"{path}.content[{index}]")]
        texts = [part.text for part in parts if isinstance(part, Text)]
        mark = "Error: " if result.is_error and not "".join(texts).lstrip().lower().startswith("error") else ""
        if len(texts) == len(parts):
            self.done.append(_output(call, (Text(mark + "\n".join(texts)),), flat=True))
        else:
            self.done.append(_output(call, (Text(mark.rstrip()), *parts) if mark else tuple(parts), flat=False))

    # The assistant's

    def _add_assistant(self, message: Message, path: str) -> None:
        if self.done and self.done[-1].role is not Role.ASSISTANT:
            self.settle()
        parts: list[Part] = []
        for part in self._assistant_parts(message, path):
            if isinstance(part, Text) and parts and isinstance(parts[-1], Text):
                parts[-1] = evolve(part, text=parts[-1].text + part.text)
            else:
                parts.append(part)
        if parts:
            self.done.append(Message(Role.ASSISTANT, tuple(parts), extras=spelling.ours()))

    def _assistant_parts(self, message: Message, path: str) -> Iterator[Part]:
        for index, part in enumerate(message.parts):
            where = path if message.flat else f"{path}.content[{index}]"
            match part:
                case Reasoning():
                    yield from self._reasoning(part, where)
                case ToolCall():
                    yield self._call(part, where)
                case Refusal(text):
                    self.losses.add_foreign(part.extras, NAME, where)
                    if text:
                        yield _spoken(text)
                case Media():
                    self.losses.add(where, f"{NAME} has no {part.kind.value} in the assistant's message")
                case _:
                    for fitted in self._part(part, where):
                        if isinstance(fitted, Text) and fitted.text:
                            yield _spoken(fitted.text)

    def _reasoning(self, part: Reasoning, path: str) -> Iterator[Reasoning]:
        own = tuple(proof for proof in part.proofs if proof.issuer == NAME)
        if own:
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            yield Reasoning(part.text, own, spelling.ours({spelling.SUMMARY: summary}))
        else:
            self.losses.add(path, f"{NAME} takes only reasoning that it sealed itself")

    def _call(self, part: ToolCall, path: str) -> ToolCall:
        self.losses.add_foreign(part.extras, NAME, path)
        drop_cache(part.cache, path, self.losses)
        own_proofs(part, NAME, path, self.losses)
        arguments = part.arguments
        if part.kind is ToolKind.FUNCTION and not arguments.strip():
            arguments = "{}"
        call = ToolCall(self.ids.give(part.call_id), part.name, arguments, part.kind, extras=spelling.ours())
        self.waiting.append(_Waiting(part.call_id, call, path))
        return call

    # Parts

    def _content(self, message: Message, path: str) -> Iterator[Part]:
        for index, part in enumerate(message.parts):
            yield from self._part(part, path if message.flat else f"{path}.content[{index}]")

    def _part(self, part: Part, path: str) -> Iterable[Part]:
        match part:
            case Text():
                self.losses.add_foreign(part.extras, NAME, path)
                drop_cache(part.cache, path, self.losses)
                return (Text(part.text),)
            case Media():
                drop_cache(part.cache, path, self.losses)
                return self.media.fit(part, path)
            case Opaque():
                self.losses.add(path, f"{NAME} has no content of type {part.type}")
                return ()
            case _:
                self.losses.add(path, f"{type(part).__name__} cannot stand here")
                return ()


def _without_blanks(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts without empty texts, unless there is nothing else: an empty message is one that this format takes."""
    return [part for part in parts if not isinstance(part, Text) or part.text] or parts[:1]


def _message(role: Role, parts: Sequence[Part]) -> Message:
    flat = len(parts) == 1 and isinstance(parts[0], Text)
    return Message(role, tuple(parts), flat, extras=spelling.ours())


def _spoken(text: str) -> Text:
    """The assistant's words as the short form of a message, which needs no id."""
    return Text(text, extras=spelling.ours({spelling.ITEM: {}}, spelling.note(spelling.FLAT)))


def _output(call: ToolCall, parts: tuple[Part, ...], *, flat: bool) -> Message:
    return Message(Role.TOOL, (ToolResult(call.call_id, parts, flat=flat, kind=call.kind, extras=spelling.ours()),), extras=spelling.ours())
