"""Objects out of a JSON array that is still arriving, however the bytes are cut."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.framing import JSONArrayDecoder
from tests.strategies import JSON_VALUES

OBJECTS = st.lists(st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=3), max_size=4)
CUTS = st.lists(st.integers(0, 10**6), max_size=8)


def decode(text: bytes, cuts: list[int] | None = None) -> list[object]:
    decoder = JSONArrayDecoder()
    marks = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts or ())})
    frames = [frame for start, end in itertools.pairwise(marks) for frame in decoder.feed(text[start:end])] + decoder.close()
    return [json.loads(frame.data) for frame in frames]


@given(OBJECTS, CUTS, st.sampled_from([None, 1]), st.booleans())
def test_objects_are_the_same_however_the_array_is_cut(
    objects: list[object], cuts: list[int], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(objects, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert decode(text, cuts) == objects
    assert decode(text, list(range(len(text)))) == objects


@given(OBJECTS, st.integers(0, 10**6))
def test_a_cut_array_gives_its_first_objects_or_an_error(objects: list[object], cut: int) -> None:
    text = json.dumps(objects).encode()
    try:
        got = decode(text[: cut % len(text)])
    except BadUpstream:
        return
    assert got == objects[: len(got)]


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        (b'[{"a":1}\n,\r\n{"b":[{}]}\n]\n', [{"a": 1}, {"b": [{}]}]),
        (b"  [  ]  ", []),
        (b'{"error":{"code":404}}', [{"error": {"code": 404}}]),
        (b'[{"a":"]}\\\\\\"{["}]', [{"a": ']}\\"{['}]),
        (b"[{}]garbage[{}]", [{}]),
        (b'[{"a":1},', [{"a": 1}]),
        (b"", []),
    ],
)
def test_arrays_as_vendors_write_them(text: bytes, objects: list[object]) -> None:
    assert decode(text) == objects
    assert decode(text, list(range(len(text)))) == objects


@pytest.mark.parametrize("text", [b"[1]", b'["a"]', b"null", b"[[{}]]", b"data: {}", b"]", b'[{"a":', b'[{"a":"', b'[{"a":"\\'])
def test_whatever_else_is_the_upstreams_fault(text: bytes) -> None:
    with pytest.raises(BadUpstream):
        decode(text)


def test_an_object_that_outgrows_the_limit_is_cut_off() -> None:
    decoder = JSONArrayDecoder(max_event_bytes=100)
    assert decoder.feed(b'[{"a":"' + b"x" * 80) == []
    with pytest.raises(BadUpstream, match="100 bytes"):
        decoder.feed(b"x" * 80)
