"""The eye on relayed streams changes nothing but what no strict reader would take."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.relaytap import RelayTap
from tests.backends.samples import FRAMES, error_frame, frame

NAMES = sorted(FRAMES)


def through(name: str, chunks: list[bytes]) -> tuple[bytes, RelayTap]:
    tap = RelayTap(FORMATS[name])
    out = b"".join(map(tap.feed, chunks))
    return out + tap.close(), tap


@given(name=st.sampled_from(NAMES), cuts=st.lists(st.integers(0, 2000), max_size=30))
def test_however_the_bytes_are_cut_the_frames_are_the_same(name: str, cuts: list[int]) -> None:
    whole = b"".join(FRAMES[name])
    marks = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    out, tap = through(name, [whole[start:end] for start, end in itertools.pairwise(marks)])
    assert (out, tap.failure) == (whole, None)
    assert tap.usage is not None
    assert tap.usage.output == 7


@pytest.mark.parametrize("name", NAMES)
def test_no_frame_goes_out_before_it_is_whole(name: str) -> None:
    tap = RelayTap(FORMATS[name])
    out = b""
    for byte in b"".join(FRAMES[name]):
        out += tap.feed(bytes([byte]))
        assert not out or out.endswith(b"\n\n")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", range(8))
def test_a_stream_that_stops_anywhere_before_its_finish_has_failed(name: str, count: int) -> None:
    finish = next(at for at, piece in enumerate(FRAMES[name]) if b"end_turn" in piece or b'"stop"' in piece)
    kept = FRAMES[name][: min(count, finish)]
    out, tap = through(name, kept)
    assert out == b"".join(kept)
    assert isinstance(tap.failure, BadUpstream)


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_comments_and_folded_data_do_not_matter(name: str) -> None:
    plain = b"".join(FRAMES[name])
    for odd in (plain.replace(b"\n", b"\r\n"), plain.replace(b"\n", b"\r"), b"\xef\xbb\xbf: hi\n\n" + plain, plain.removesuffix(b"\n")):
        assert through(name, [odd])[0] == plain
    folded = plain.replace(b': {"', b': {\ndata: "')
    out, tap = through(name, [folded])
    assert tap.failure is None
    assert b"\ndata: {" in out or out.startswith(b"data: {")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"{", b"nonsense", b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 100_000, b"null", b"3"])
def test_what_is_not_the_format_ends_the_stream(name: str, data: bytes) -> None:
    out, tap = through(name, [*FRAMES[name][:3], frame(data), *FRAMES[name][3:]])
    assert out == b"".join(FRAMES[name][:3])
    assert isinstance(tap.failure, BadUpstream)
    assert tap.done


@pytest.mark.parametrize("name", NAMES)
def test_an_event_name_must_be_text(name: str) -> None:
    data = FRAMES[name][0][FRAMES[name][0].index(b"data:") :]
    out, tap = through(name, [b"event: \xff\xfe\n" + data])
    assert (out, type(tap.failure)) == (b"", BadUpstream)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_in_the_stream_is_a_failure_and_no_frame(name: str) -> None:
    out, tap = through(name, [*FRAMES[name][:3], error_frame(name), *FRAMES[name][3:]])
    assert out == b"".join(FRAMES[name][:3])
    assert isinstance(tap.failure, UpstreamError)


@pytest.mark.parametrize("name", NAMES)
def test_half_a_surrogate_pair_is_made_whole(name: str) -> None:
    frames = [piece.replace("wörld".encode(), rb"w\ud83drld") for piece in FRAMES[name]]
    out, tap = through(name, frames)
    assert tap.failure is None
    assert rb"w\ufffdrld" in out
    for line in out.decode().splitlines():
        if line.startswith("data: {"):
            json.loads(line[6:])
