"""Recorded answers, translated into every other format and read there by that vendor's own SDK.

Every exception falls under a rule with a reason; anything else that differs fails.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest
from attrs import evolve

from ccproxy_cli.core.errors import UpstreamError
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Media, Text, ToolCall, ToolKind
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.corpus.entries import ENDPOINTS, Entry, entries, needs_corpus
from tests.corpus.sdk_readings import Said, read_body, read_stream, said

PAIRS = list(itertools.permutations(FORMATS, 2))
REQUEST = Request("m", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)

pytestmark = [needs_corpus, pytest.mark.corpus]


@cache
def answers(source: str) -> list[tuple[Entry, Response]]:
    """The recorded answers. Two recorded streams per OpenAI format hold an error instead of one."""
    found = []
    for entry in entries(source, *ENDPOINTS[source]):
        if entry.ok:
            try:
                found.append((entry, original(entry)))
            except UpstreamError:
                continue
    return found


def original(entry: Entry) -> Response:
    format_ = FORMATS[entry.format]
    if entry.response is not None:
        return format_.decode_response(entry.response)
    decoder = format_.stream_decoder()
    assert entry.stream is not None
    return fold([*decoder.feed(entry.stream), *decoder.close()])


PICTURE = "holds a picture, which the vendor's answers cannot; a line says so"
CUSTOM = "calls a tool that takes free text, which only OpenAI's clients can have offered"


def exception(response: Response, target: str) -> str | None:
    """Why an answer need not survive whole."""
    if target in ("anthropic", "openai-chat") and any(isinstance(part, Media) for part in response.parts):
        return PICTURE
    if any(isinstance(part, ToolCall) and part.kind is ToolKind.CUSTOM for part in response.parts):
        return CUSTOM
    return None


def compare(source: str, target: str, through: Callable[[Response], Said]) -> None:
    kept, excused, broken = 0, Counter[str](), []
    for entry, response in answers(source):
        if reason := exception(response, target):
            excused[reason] += 1
        elif (found := through(evolve(response, created=1))) == (wanted := said(response)):
            kept += 1
        else:
            broken.append(f"{entry.name}: {wanted} became {found}")
    assert not broken, "\n".join(broken[:20]) + f"\n{len(broken)} of {kept + len(broken)}"
    assert excused.total() <= 4
    assert kept > 300


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_answers_survive(source: str, target: str) -> None:
    compare(source, target, lambda response: read_body(target, FORMATS[target].encode_response(response, REQUEST)))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_streamed_answers_survive(source: str, target: str) -> None:
    format_ = FORMATS[target]

    def streamed(response: Response) -> Said:
        encoder, events = format_.stream_encoder(REQUEST), explode(response)
        return read_stream(target, b"".join(encoder.encode(event) for event in (in_order(events) if format_.ordered else events)))

    compare(source, target, streamed)
