"""Sources of an answer's words, between any two formats: whoever told them, the client hears which words they are about."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.events import CitationDelta, Event, PartEnd, PartStart
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.parts import Part, Reasoning, Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.core.test_citations import TEXTS
from tests.strategies import JSON_VALUES

SOURCE = pytest.mark.parametrize("source", FORMATS.values(), ids=FORMATS)
TARGET = pytest.mark.parametrize("target", FORMATS.values(), ids=FORMATS)
REQUEST = Request("m", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)


@st.composite
def answers(draw: st.DrawFn) -> Response:
    """Texts, some of whose words have a source each, perhaps with thoughts between them."""
    parts: list[Part] = []
    for number in range(draw(st.integers(1, 3))):
        text = draw(TEXTS.filter(str.strip))
        citations = []
        for which in range(draw(st.integers(0, 2))):
            start = draw(st.integers(0, len(text) - 1))
            end = draw(st.integers(start + 1, len(text)))
            title = draw(st.none() | st.just("A title"))
            citations.append(Citation(f"https://example.com/{number}/{which}", title, start=start, end=end))
        parts.append(Text(text, citations=tuple(citations)))
        if draw(st.booleans()):
            parts.append(Reasoning("Hm."))
    return Response("resp_1", "m", tuple(parts), Finish(FinishReason.STOP), created=1)


def late(response: Response) -> Iterable[Event]:
    """The answer as a stream that tells each source right before its text ends."""
    plain = [evolve(part, citations=()) if isinstance(part, Text) else part for part in response.parts]
    for event in explode(evolve(response, parts=tuple(plain))):
        if isinstance(event, PartEnd) and isinstance(part := response.parts[event.index], Text):
            yield from (CitationDelta(event.index, citation) for citation in part.citations)
        yield event


def last_of_all(response: Response) -> Iterable[Event]:
    """The answer as a stream that tells all sources when all words have been said."""
    *events, end = late(response)
    told = [event for event in events if isinstance(event, CitationDelta)]
    yield from (event for event in events if not isinstance(event, CitationDelta))
    yield from told
    yield end


def about(response: Response) -> Mapping[str, str]:
    """The words that each address is named for."""
    found: dict[str, str] = defaultdict(str)
    for part in response.parts:
        if isinstance(part, Text):
            for citation in dict.fromkeys(part.citations):
                start, end = citation.within(len(part.text))
                found[citation.url or ""] += part.text[start:end]
    return found


def through_body(format_: Format, response: Response, losses: Losses | None = None) -> Response:
    return format_.decode_response(format_.encode_response(response, REQUEST, losses))


def through_stream(format_: Format, events: Iterable[Event], losses: Losses | None = None) -> Response:
    encoder = format_.stream_encoder(REQUEST, losses)
    return read_stream(format_, b"".join(encoder.encode(event) for event in (in_order(events) if format_.ordered else events)))


def read_stream(format_: Format, data: bytes) -> Response:
    decoder = format_.stream_decoder()
    return fold([*decoder.feed(data), *decoder.close()])


@given(answers())
def test_a_cited_answer_is_its_event_stream(response: Response) -> None:
    assert fold(explode(response)) == fold(late(response)) == fold(last_of_all(response)) == response
    assert fold(in_order(last_of_all(response))) == response


@TARGET
@given(answers())
@settings(max_examples=60)
def test_a_source_is_about_the_same_words_in_every_format(target: Format, response: Response) -> None:
    losses = Losses()
    assert about(through_body(target, response, losses)) == about(response)
    assert about(through_stream(target, explode(response), losses)) == about(response)
    assert not losses


@TARGET
@given(answers())
@settings(max_examples=40)
def test_a_source_that_comes_after_its_words_is_told_too(target: Format, response: Response) -> None:
    losses = Losses()
    got = about(through_stream(target, late(response), losses))
    if target.name == "anthropic":  # what has gone out cannot be cut any more: the block that is open is what the source is about
        whole = {citation.url: part.text for part in response.parts if isinstance(part, Text) for citation in part.citations}
        assert got == whole
    else:
        assert got == about(response)
    assert not losses


@TARGET
@given(answers())
@settings(max_examples=40)
def test_a_source_that_comes_when_all_has_been_said_is_told_or_missed_aloud(target: Format, response: Response) -> None:
    losses = Losses()
    got = about(through_stream(target, last_of_all(response), losses))
    if target.name in ("openai-chat", "gemini"):
        assert got == about(response)
        assert not losses
    else:
        assert [loss.field for loss in losses] == (["answer.citations"] if about(response) else [])


CITED = "It’s 😀 sunny. "
ADDRESS = "https://example.com/a"


def chat(**message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def annotation(start: int, end: int) -> dict[str, Any]:
    return {"start_index": start, "end_index": end, "url": ADDRESS, "title": "Weather"}


BODIES: dict[str, dict[str, Any]] = {
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "text", "text": CITED},
            {
                "type": "text",
                "text": "Very.",
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "url": ADDRESS,
                        "title": "Weather",
                        "encrypted_index": "Eo8B",
                        "cited_text": "Sun all day",
                    }
                ],
            },
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "openai-chat": chat(
        content=f"{CITED}Very.",
        annotations=[{"type": "url_citation", "url_citation": annotation(len(CITED), len(CITED) + 5)}],
    ),
    "openai-responses": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {
                        "type": "output_text",
                        "text": f"{CITED}Very.",
                        "annotations": [{"type": "url_citation", **annotation(len(CITED), len(CITED) + 5)}],
                        "logprobs": [],
                    }
                ],
            }
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    },
    "gemini": {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": f"{CITED}Very."}]},
                "finishReason": "STOP",
                "index": 0,
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": ADDRESS, "title": "Weather"}}, {"web": {"uri": "https://example.com/unused"}}],
                    "groundingSupports": [
                        {
                            "segment": {
                                "partIndex": 1,
                                "startIndex": len(CITED.encode()),
                                "endIndex": len(CITED.encode()) + 5,
                                "text": "Very.",
                            },
                            "groundingChunkIndices": [0],
                        }
                    ],
                },
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        "modelVersion": "m",
        "responseId": "r",
    },
}
"""The same answer as each vendor gives it."""


@SOURCE
@TARGET
def test_every_vendors_way_becomes_every_others(source: Format, target: Format) -> None:
    response = evolve(source.decode_response(json.dumps(BODIES[source.name]).encode()), created=1)
    for received in (through_body(target, response), through_stream(target, explode(response))):
        assert about(received) == {ADDRESS: "Very."}
        titles = {citation.title for part in received.parts if isinstance(part, Text) for citation in part.citations}
        assert titles == {"Weather"}
        assert "".join(part.text for part in received.parts if isinstance(part, Text)) == f"{CITED}Very."


@SOURCE
def test_a_vendors_own_client_is_told_in_the_vendors_own_words(source: Format) -> None:
    body = json.dumps(BODIES[source.name]).encode()
    assert json.loads(source.encode_response(source.decode_response(body), REQUEST)) == BODIES[source.name]


def answer_of(*citations: Citation) -> Response:
    return Response("r", "m", (Text("Sunny.", citations=citations),), Finish(FinishReason.STOP), created=1)


@pytest.mark.parametrize(
    ("target", "citation", "lost"),
    [
        ("anthropic", Citation(title="a.pdf", quote="Sun"), ["answer.citations"]),
        ("anthropic", Citation("https://example.com", quote="Sun"), []),
        ("openai-chat", Citation(title="a.pdf", file_id="file-1"), ["answer.citations"]),
        ("openai-chat", Citation("https://example.com", quote="Sun"), ["answer.citations.quote"]),
        ("openai-responses", Citation(title="a.pdf", file_id="file-1"), []),
        ("openai-responses", Citation(title="a.pdf"), ["answer.citations"]),
        ("openai-responses", Citation("https://example.com", quote="Sun"), ["answer.citations.quote"]),
        ("gemini", Citation(title="a.pdf", quote="Sun", pages=(2, 3)), []),
        ("gemini", Citation("https://example.com", quote="Sun"), ["answer.citations.quote"]),
        ("gemini", Citation(), ["answer.citations"]),
    ],
)
def test_a_source_without_words_for_it_is_missed_aloud(target: str, citation: Citation, lost: list[str]) -> None:
    for through in (through_body, lambda target, response, losses: through_stream(target, explode(response), losses)):
        losses = Losses()
        received = through(FORMATS[target], answer_of(citation), losses)
        assert [loss.field for loss in losses] == lost
        kept = [one for part in received.parts if isinstance(part, Text) for one in part.citations]
        assert len(kept) == (0 if "answer.citations" in lost else 1)


def test_pages_and_quotes_of_documents_are_read_and_told() -> None:
    raw = {"type": "page_location", "document_index": 0, "document_title": "a.pdf", "start_page_number": 2, "end_page_number": 4}
    body = {**BODIES["anthropic"], "content": [{"type": "text", "text": "Sunny.", "citations": [{**raw, "cited_text": "Sun"}]}]}
    (text,) = FORMATS["anthropic"].decode_response(json.dumps(body).encode()).parts
    assert isinstance(text, Text)
    assert text.citations == (Citation(title="a.pdf", quote="Sun", pages=(2, 3)),)
    told = json.loads(FORMATS["gemini"].encode_response(answer_of(*text.citations), REQUEST))["candidates"][0]["groundingMetadata"]
    page = {"pageSpan": {"firstPage": 2, "lastPage": 3}}
    assert told["groundingChunks"] == [{"retrievedContext": {"title": "a.pdf", "text": "Sun", "ragChunk": page}}]
    assert told["groundingSupports"] == [{"segment": {"endIndex": 6, "text": "Sunny."}, "groundingChunkIndices": [0]}]


def test_words_that_follow_a_late_source_begin_a_block_of_their_own() -> None:
    target = FORMATS["anthropic"]
    source = Citation(ADDRESS, start=0, end=6)
    plain = list(explode(Response("r", "m", (Text("Sunny. Very."),), Finish(FinishReason.STOP), created=1)))
    start, begun, delta, ended, end = plain
    assert isinstance(begun, PartStart)
    cut = [start, begun, evolve(delta, text="Sunny."), CitationDelta(0, source), CitationDelta(0, source)]  # type: ignore[arg-type]
    received = through_stream(target, [*cut, evolve(delta, text=" Very."), ended, end])  # type: ignore[arg-type]
    assert [(part.text, len(part.citations)) for part in received.parts if isinstance(part, Text)] == [("Sunny.", 1), (" Very.", 0)]


def changed(value: Any, members: Mapping[str, Any]) -> Any:
    """The answer with other values wherever one of these members stands."""
    match value:
        case dict():
            return {name: members[name] if name in members else changed(inner, members) for name, inner in value.items()}
        case list():
            return [changed(inner, members) for inner in value]
        case _:
            return value


TELLING = {
    "anthropic": ("citations", "url", "title"),
    "openai-chat": ("annotations", "url_citation", "start_index"),
    "openai-responses": ("annotations", "end_index", "url"),
    "gemini": (
        "groundingMetadata",
        "groundingChunks",
        "groundingSupports",
        "segment",
        "startIndex",
        "endIndex",
        "groundingChunkIndices",
        "web",
    ),
}


@SOURCE
@given(st.data())
@settings(max_examples=60)
def test_sources_that_make_no_sense_spoil_no_answer(source: Format, data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(TELLING[source.name]), min_size=1))
    body = changed(BODIES[source.name], {name: data.draw(JSON_VALUES) for name in names})
    response = source.decode_response(json.dumps(body).encode())
    assert "".join(part.text for part in response.parts if isinstance(part, Text)) == f"{CITED}Very."
    for target in FORMATS.values():
        received = through_body(target, evolve(response, created=1))
        assert "".join(part.text for part in received.parts if isinstance(part, Text)) == f"{CITED}Very."
