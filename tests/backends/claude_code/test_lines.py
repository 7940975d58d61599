"""However the bytes are cut, the lines are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.lines import LineSplitter
from ccproxy_cli.core.errors import BadUpstream

LINES = st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8)


@given(lines=LINES, rest=st.binary(max_size=5).map(lambda line: line.replace(b"\n", b"")), data=st.data())
def test_cuts_change_nothing(lines: list[bytes], rest: bytes, data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines) + rest
    splitter, found = LineSplitter(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:cut])
        stream = stream[cut:]
    assert found == [line for line in lines if line]
    assert splitter.close() == rest


def test_a_character_in_two_pieces_is_whole_again() -> None:
    splitter = LineSplitter()
    assert splitter.feed("{é".encode()[:2]) == []
    assert splitter.feed("{é}\n".encode()[2:]) == ["{é}".encode()]


def test_a_line_without_end_is_cut_off_at_the_limit() -> None:
    splitter = LineSplitter(limit=10)
    assert splitter.feed(b"12345\n1234567890\n") == [b"12345", b"1234567890"]
    splitter.feed(b"123456")
    with pytest.raises(BadUpstream, match="more than 10 bytes"):
        splitter.feed(b"78901")
