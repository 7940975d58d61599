"""Streams of an upstream: chunks to events.

The vendor's chunks say what was added to one message, not where its parts begin and end. A part opens with its first content;
text, reasoning and refusal close when another kind begins; calls stay open side by side until the finish. The end of the response
is held until `[DONE]` or the end of the bytes, as usage comes after the finish.
"""

from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Literal

import msgspec

from ccproxy_cli.core.citations import Citation, spread
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.events import (
    CitationDelta,
    Event,
    OpaqueEvent,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamError,
    TextDelta,
)
from ccproxy_cli.core.formats._openai.tiers import read_tier
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.assistant import REASONING_MEMBERS
from ccproxy_cli.core.formats.openai_chat.calls import Calls, Fragment, read_fragment, read_legacy_fragment
from ccproxy_cli.core.formats.openai_chat.errors import error_in_answer
from ccproxy_cli.core.formats.openai_chat.finish import read_finish, read_usage
from ccproxy_cli.core.formats.openai_chat.gather import gather
from ccproxy_cli.core.formats.openai_chat.parts import thinking_text
from ccproxy_cli.core.formats.openai_chat.response import id_maker, read_annotations, read_answer_logprobs
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.framing import Frame, SSEDecoder
from ccproxy_cli.core.jsontext import JSON, JSONError, loads
from ccproxy_cli.core.parts import Opaque, Part, Reasoning, Refusal, Text, ToolCall

_CHUNK = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})
"""Members of a chunk that are looked at, and `obfuscation`, which pads chunks to hide their length and means nothing."""
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_DELTA = frozenset({"role", "content", "refusal", "tool_calls", "function_call", *REASONING_MEMBERS})

_TEXT = Text()
_REFUSAL = Refusal(extras=spelling.ours(spelling.note(spelling.IN_MESSAGE)))
_REASONING = Reasoning()
_SHORT_REASONING = Reasoning(extras=spelling.ours(spelling.note(spelling.REASONING)))
_THINKING = Reasoning(extras=spelling.ours(spelling.note(spelling.IN_CONTENT)))


class _Delta(msgspec.Struct, gc=False):
    content: str
    reasoning: None = None
    reasoning_content: None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta
    index: Literal[0] = 0
    finish_reason: None = None
    logprobs: None = None


class _Words(msgspec.Struct, gc=False):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1, max_length=1)]
    error: None = None
    usage: None = None


_decode_words = msgspec.json.Decoder(_Words).decode


class ChatStreamDecoder:
    """One stream's state."""

    def __init__(self) -> None:
        self.done = False
        self._frames = SSEDecoder()
        self._parts = 0
        self._open = -1
        self._open_like: Part | None = None  # which of the constants above the open part began as
        self._calls = Calls()
        self._has_calls = False
        self._has_refusal = False
        self._words: list[str] = []  # of the open part
        self._texts: list[tuple[int, int]] = []  # of those that have ended, their parts and lengths
        self._citations: list[Citation] = []
        self._empty_text = False
        self._finish: JSON = None
        self._usage: JSON = None
        self._started = False
        self._keys: AbstractSet[str] = frozenset()  # of the last chunk that was looked at and had only what the first had
        self._first: dict[str, JSON] = {}  # unknown members of the first chunk, which `ResponseStart` carries
        self._later: dict[str, JSON] = {}  # the others, which `ResponseEnd` carries
        self._new_id = id_maker("")

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            BadUpstream: the bytes are not this format.
        """
        out: list[Event] = []
        if not self.done:
            for frame in self._frames.feed(chunk):
                self._take(frame, out)
        return out

    def feed_frame(self, frame: Frame) -> list[Event]:
        """The events of one frame, for callers that cut the frames themselves. Raises `BadUpstream`."""
        out: list[Event] = []
        self._take(frame, out)
        return out

    def skim(self, data: bytes) -> bool:
        """Whether one frame's data is nothing but more words of the text that is open: see `StreamDecoder.skim`."""
        if self._open_like is not _TEXT or self.done:
            return False
        try:
            found = _decode_words(data)
            if not data.isascii():
                data.decode()  # of what it skips, the decoder does not check the encoding
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        return bool(found.choices[0].delta.content)

    def close(self) -> list[Event]:
        """The events that the end of the bytes completes.

        Raises:
            BadUpstream: the answer was not complete.
        """
        out: list[Event] = []
        if not self.done:
            for frame in self._frames.close():
                self._take(frame, out)
        if not self.done:
            self._end(out)
        return out

    # Chunks

    def _take(self, frame: Frame, out: list[Event]) -> None:
        if self.done:
            return
        if frame.data.startswith(b"[DONE]"):
            self._end(out)
            return
        try:
            chunk = loads(frame.data)
        except JSONError as error:
            raise BadUpstream(f"upstream sent a chunk that is not JSON: {error}") from error
        if type(chunk) is not dict:
            raise BadUpstream("upstream sent a chunk that is not an object")
        if chunk.get("error") or frame.event == b"error":
            self.done = True
            out.append(StreamError(error_in_answer(chunk if chunk.get("error") else {"error": chunk})))
            return
        choices = chunk.get("choices")
        if choices is None:
            choices = []
        elif type(choices) is not list:
            raise BadUpstream("upstream sent a chunk whose choices are not a list")
        if not self._started or not self._usual(chunk):
            self._look(chunk, choices, out)
        usage = chunk.get("usage")
        if usage is not None:
            self._usage = usage
        for choice in choices:
            self._take_choice(choice, out)

    def _usual(self, chunk: dict[str, Any]) -> bool:
        """Whether a chunk says nothing of itself that the first one did not."""
        if chunk.keys() <= _CHUNK:
            return True
        if chunk.keys() != self._keys:
            return False
        for name, value in self._first.items():  # noqa: SIM110 - a generator would cost more than what it looks at
            if name in chunk and chunk[name] != value:
                return False
        return True

    def _look(self, chunk: dict[str, Any], choices: list[JSON], out: list[Event]) -> None:
        """Start the response with the first chunk that belongs to the answer, and keep what is not known elsewhere."""
        members = self._later if self._started else self._first
        self._keys = frozenset(chunk)
        for name, value in chunk.items():
            if name not in _CHUNK and (name not in self._first or self._first[name] != value):
                members[name] = value
                self._keys = frozenset()
        if self._started or not (choices or chunk.get("id")):
            return  # Azure's verdict on the prompt comes before the answer, without an id
        self._started = True
        match choices:
            case [{"delta": {"content": ""}}, *_]:
                self._first |= spelling.note(spelling.EMPTY + "content")
            case _:
                pass
        answer_id, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        if type(answer_id) is not str:
            answer_id = ""
        self._new_id = id_maker(answer_id)
        out.append(
            ResponseStart(
                id=answer_id,
                model=model if type(model) is str else "",
                created=int(created) if isinstance(created, int | float) else None,
                extras={NAME: self._first},
            )
        )

    def _take_choice(self, choice: JSON, out: list[Event]) -> None:
        if type(choice) is not dict:
            raise BadUpstream("upstream sent a choice that is not an object")
        if choice.get("index"):  # of several answers the first is the response
            out.append(OpaqueEvent(NAME, {"choices": [choice]}))
            return
        delta = choice.get("delta")
        if type(delta) is dict:
            self._take_delta(delta, out)
        elif delta is not None:
            raise BadUpstream("upstream sent a delta that is not an object")
        if not choice.keys() <= _CHOICE or choice.get("logprobs") is not None:
            self._look_at_choice(choice)
        finish = choice.get("finish_reason")
        if finish is not None:
            self._finish = finish
            self._tell_sources(out)
            self._close_parts(out)

    def _look_at_choice(self, choice: dict[str, Any]) -> None:
        for name, value in choice.items():
            if name in ("index", "delta", "finish_reason") or value is None:
                continue
            if isinstance(value, dict):  # log probabilities, which go on
                gather(self._later, f"choice.{name}", value)
            else:
                self._later[f"choice.{name}"] = value

    def _take_delta(self, delta: dict[str, Any], out: list[Event]) -> None:
        if len(delta) == 1 and type(text := delta.get("content")) is str and text:  # nearly every delta
            self._say(_TEXT, text, out)
            return
        if "reasoning_content" in delta or "reasoning" in delta:
            self._take_reasoning(delta, out)
        content = delta.get("content")
        if content:
            if type(content) is str:
                self._say(_TEXT, content, out)
            else:
                self._take_list(content, out)
        elif content == "":
            self._empty_text = True
        refusal = delta.get("refusal")
        if refusal:
            if type(refusal) is not str:
                raise BadUpstream("upstream sent a refusal that is not a string")
            self._say(_REFUSAL, refusal, out)
            self._has_refusal = True
        calls = delta.get("tool_calls")
        if calls:
            if type(calls) is not list:
                raise BadUpstream("upstream sent tool_calls that are not a list")
            for raw in calls:
                self._take_call(read_fragment(raw), out)
        function = delta.get("function_call")
        if function:
            self._take_call(read_legacy_fragment(function), out)
        if not delta.keys() <= _DELTA:
            for name, value in delta.items():
                if name not in _DELTA:
                    gather(self._later, f"message.{name}", value)
            self._citations += read_annotations(delta.get("annotations"))

    # Parts

    def _say(self, like: Part, text: str, out: list[Event]) -> None:
        """More of a text, reasoning or refusal; it opens one if none of its like is open."""
        if self._open_like is not like:
            self._close_text(out)
            self._open, self._open_like, self._words = self._next(), like, []
            out.append(PartStart(self._open, like))
        self._words.append(text)
        out.append(TextDelta(self._open, text))

    def _tell_sources(self, out: list[Event]) -> None:
        """Of all words, once they have come: ranges count the whole content."""
        if self._citations:
            texts = [*self._texts, (self._open, sum(map(len, self._words)))] if self._open_like is _TEXT else self._texts
            for (index, _), citations in zip(texts, spread(self._citations, [length for _, length in texts]), strict=True):
                out += [CitationDelta(index, citation) for citation in citations]
            self._citations = []

    def _close_text(self, out: list[Event]) -> None:
        if self._open_like is _TEXT:
            self._texts.append((self._open, sum(map(len, self._words))))
        if self._open_like is not None:
            out.append(PartEnd(self._open))
            self._open_like = None

    def _next(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _take_reasoning(self, delta: dict[str, Any], out: list[Event]) -> None:
        """The thinking, under either of its names; a second telling of it rides along."""
        told = False
        for name in REASONING_MEMBERS:
            text = delta.get(name)
            if type(text) is str:
                if text and not told:
                    self._say(_SHORT_REASONING if name == "reasoning" else _REASONING, text, out)
                    told = True
                elif text:
                    gather(self._later, f"message.{name}", text)
            elif text is not None:
                gather(self._later, f"message.{name}", text)

    def _take_list(self, content: JSON, out: list[Event]) -> None:
        """Content as a list of parts: Mistral's way to tell thinking from text."""
        if type(content) is not list:
            raise BadUpstream("upstream sent content that is neither a string nor a list")
        for part in content:
            match part:
                case {"type": "text", "text": str() as text}:
                    if text:
                        self._say(_TEXT, text, out)
                case {"type": "thinking", "thinking": thinking}:
                    if text := thinking_text(thinking):
                        self._say(_THINKING, text, out)
                case dict():
                    self._close_text(out)
                    index = self._next()
                    out += [PartStart(index, Opaque(NAME, part)), PartEnd(index)]
                case _:
                    raise BadUpstream("upstream sent a content part that is not an object")

    def _take_call(self, fragment: Fragment, out: list[Event]) -> None:
        call = self._calls.find(fragment)
        text = fragment.text
        if call.part is None:
            text = call.waiting + text
            if not call.name:
                call.waiting = text
                return
            self._close_text(out)
            call.part = self._next()
            self._has_calls = True
            call_id = call.id if call.id and spelling.LEGACY not in fragment.members else self._new_id(call.name)
            part = ToolCall(call_id, call.name, kind=fragment.kind, extras=spelling.ours(fragment.members))
            out.append(PartStart(call.part, part))
        if text:
            out.append(TextDelta(call.part, text))

    def _close_parts(self, out: list[Event]) -> None:
        self._close_text(out)
        for call in self._calls.open:
            if call.part is None:
                raise BadUpstream("upstream called a tool without naming it")
            out.append(PartEnd(call.part))
        self._calls.clear()

    # The end

    def _end(self, out: list[Event]) -> None:
        if not self._started:
            raise BadUpstream("upstream's stream ended without an answer")
        if self._finish is None:
            raise BadUpstream("upstream's answer broke off before its finish")
        self._tell_sources(out)
        self._close_parts(out)
        self.done = True
        if not self._texts:
            said = {f"message.{spelling.EMPTY}content": True} if self._empty_text else {"message.content": None}
            self._later |= said
        if type(self._finish) is not str:
            self._later["choice.finish_reason"] = self._finish
        finish = read_finish(self._finish, calls=self._has_calls, refused=self._has_refusal)
        tokens = read_answer_logprobs(self._later.get("choice.logprobs"))
        tier = read_tier(self._later) or read_tier(self._first)
        out.append(ResponseEnd(finish, read_usage(self._usage), {NAME: self._later}, tier, tokens))
