"""Server-sent events out of bytes, however they are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.framing import Frame, SSEDecoder, encode_comment, encode_frame

# One list, both directions: the frame, and the bytes we write for it.
CASES = [
    (Frame(b"{}"), b"data: {}\n\n"),
    (Frame(b'{"a":1}', b"ping"), b'event: ping\ndata: {"a":1}\n\n'),
    (Frame("héllo\u2028\u0085".encode()), "data: héllo\u2028\u0085\n\n".encode()),
]

TOLERATED = [
    ([Frame(b"x")], b"data:x\n\n"),
    ([Frame(b" x")], b"data:  x\n\n"),
    ([Frame(b"a\nb")], b"data: a\ndata: b\n\n"),
    ([Frame(b"x", b"e")], b"event:e\r\ndata: x\r\n\r\n"),
    ([Frame(b"x"), Frame(b"y")], b"data: x\r\rdata: y\r\r"),
    ([Frame(b"x")], b": comment\n\nid: 3\nretry: 10\ndata: x\n\n: more\n\n"),
    ([Frame(b"x")], b"\xef\xbb\xbfdata: x\n\n"),
    ([Frame(b"x")], b"data: x"),
    ([Frame(b"x")], b"data: x\n"),
    ([], b"event: only\n\n"),
    ([], b"data:\n\n"),
    ([], b""),
    ([Frame(b"[DONE]")], b"\n\n\ndata: [DONE]\n\n"),
]
BYTES = [([frame], text) for frame, text in CASES] + TOLERATED


def decode(pieces: list[bytes]) -> list[Frame]:
    decoder = SSEDecoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close()


@pytest.mark.parametrize(("frame", "text"), CASES)
def test_writes(frame: Frame, text: bytes) -> None:
    assert encode_frame(frame.data, frame.event) == text


@pytest.mark.parametrize(("frames", "text"), BYTES)
def test_reads_whole(frames: list[Frame], text: bytes) -> None:
    assert decode([text]) == frames


@pytest.mark.parametrize(("frames", "text"), BYTES)
def test_reads_byte_by_byte(frames: list[Frame], text: bytes) -> None:
    assert decode([text[i : i + 1] for i in range(len(text))]) == frames


@pytest.mark.parametrize(("frames", "text"), [case for case in BYTES if case[1].endswith((b"\n\n", b"\r\r", b"\r\n\r\n"))])
def test_reads_with_more_behind_it(frames: list[Frame], text: bytes) -> None:
    assert decode([text + b"data: trailing\n\n"]) == [*frames, Frame(b"trailing")]


LINES = st.sampled_from([b"data: a", b"data: b", b"data:", b"event: e", b": c", b"", b"id: 1", "data: é\u2028".encode(), b"nonsense"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.lists(st.integers(0, 200), max_size=8))
def test_cuts_change_nothing(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    text = b"".join(line + end for line, end in lines)
    marks = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[start:end] for start, end in itertools.pairwise(marks)]
    assert decode(pieces) == decode([text])


def test_comments_are_no_frames() -> None:
    assert decode([encode_comment(b"ping")]) == []


@pytest.mark.parametrize("piece", [b"x" * 100, b"data: yy\n" * 20], ids=["one line", "many lines"])
def test_an_event_without_end_is_cut_off(piece: bytes) -> None:
    decoder = SSEDecoder(max_event_bytes=1000)
    with pytest.raises(BadUpstream, match="more than 1000 bytes"):
        [decoder.feed(piece) for _ in range(1000)]


def test_many_small_events_may_exceed_the_limit_together() -> None:
    decoder = SSEDecoder(max_event_bytes=1000)
    assert sum(len(decoder.feed(b"data: x\n\n")) for _ in range(1000)) == 1000
