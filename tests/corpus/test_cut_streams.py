"""Recorded streams, cut where the network may cut them: inside characters, line ends, words of JSON and the framing's own words."""

import itertools
import re

import pytest

from ccproxy_cli.core.events import Event
from ccproxy_cli.core.formats import FORMATS
from tests.corpus.entries import ENDPOINTS, entries, needs_corpus

BOUNDARIES = {
    "inside a character": rb"[\xc0-\xff](?=[\x80-\xbf])|[\x80-\xbf](?=[\x80-\xbf])",
    "inside an end of line": rb"\r(?=\n)|\n(?=\n)|\n(?=\r)",
    "inside a string": rb"\\(?=.)|(?<=[a-z])[a-z](?=[a-z])",
    "around a string": rb'"',
    "inside the framing": rb"d(?=ata:)|data(?=:)|data:(?= )|event(?=:)|: (?=[{\[])",
}
"""What comes right before a cut."""

pytestmark = [needs_corpus, pytest.mark.corpus]


def pieces(data: bytes, boundary: str) -> list[bytes]:
    cuts = [0, *(found.end() for found in re.finditer(BOUNDARIES[boundary], data)), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(cuts)]


def events(format_name: str, fed: list[bytes]) -> list[Event]:
    decoder = FORMATS[format_name].stream_decoder()
    return [event for piece in fed for event in decoder.feed(piece)] + decoder.close()


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_recorded_streams_may_be_cut_anywhere(format_name: str, boundary: str) -> None:
    different, cuts, streams = [], 0, 0
    for entry in entries(format_name, *ENDPOINTS[format_name]):
        if entry.ok and entry.stream is not None:
            fed = pieces(entry.stream, boundary)
            streams += 1
            cuts += len(fed) - 1
            if events(format_name, fed) != events(format_name, [entry.stream]):
                different.append(entry.name)
    assert not different
    assert streams > 100
    assert cuts > 20
