"""Where the words of an answer come from, and where in a text that is said.

Every vendor counts in its own way: the vocabulary and OpenAI count characters (code points), Gemini the bytes of UTF-8, and Anthropic
does not count at all but cuts the text into blocks.
"""

import itertools
from collections.abc import Iterator, Sequence

from attrs import evolve, frozen


@frozen
class Citation:
    """One source of some words."""

    url: str | None = None
    title: str | None = None
    """Of the page or document, or the file's name."""
    quote: str | None = None
    """The source's own words."""
    file_id: str | None = None
    """The source is a file that its vendor keeps under this id."""
    pages: tuple[int, int] | None = None
    """First and last page, counted from 1."""
    start: int | None = None
    """Where the words begin in the text of their part. None: all of the part is meant."""
    end: int | None = None
    """Where they end, exclusive. None if `start` is."""

    def within(self, length: int) -> tuple[int, int]:
        """The range in a text of that many characters; all of it if none is given, or one that is not in it or before all of it."""
        if self.start is None or self.end is None or not 0 <= self.start <= self.end <= length or not self.end:
            return 0, length
        return self.start, self.end

    def moved(self, by: int, length: int) -> "Citation":
        """The same in a longer text, in which the part's `length` characters begin at `by`."""
        start, end = self.within(length)
        return evolve(self, start=start + by, end=end + by)


@frozen
class Piece:
    """Part of a text, all of which has the same sources."""

    text: str
    citations: tuple[Citation, ...]


def pieces(text: str, citations: Sequence[Citation]) -> list[Piece]:
    """The text cut wherever a citation begins or ends. The citations of each piece mean all of it; words before a mark that has no
    length are what it is about."""
    ranges = [citation.within(len(text)) for citation in citations]
    cuts = sorted({0, len(text), *(cut for both in ranges for cut in both)})
    found: list[Piece] = []
    for start, end in itertools.pairwise(cuts):
        meant = tuple(
            evolve(citation, start=None, end=None)
            for citation, (first, last) in zip(citations, ranges, strict=True)
            if (first < last and first <= start and end <= last) or (first == last == end)
        )
        found.append(Piece(text[start:end], meant))
    return found or [Piece(text, tuple(evolve(citation, start=None, end=None) for citation in citations))]


def spread(citations: Sequence[Citation], lengths: Sequence[int]) -> list[list[Citation]]:
    """Citations of several texts that were counted as one, each with the texts it is about; one across a border goes to both sides."""
    found: list[list[Citation]] = [[] for _ in lengths]
    for citation in citations:
        first, last = citation.within(sum(lengths))
        for number, (begins, length) in enumerate(_places(lengths)):
            start, end = max(first, begins) - begins, min(last, begins + length) - begins
            if start < end or (first == last and 0 < end <= length and start == end):
                found[number].append(evolve(citation, start=start, end=end))
    return found


def _places(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    begins = 0
    for length in lengths:
        yield begins, length
        begins += length


def to_bytes(text: str, index: int) -> int:
    """A place in a text, counted in bytes of UTF-8."""
    return index if text.isascii() else len(text[:index].encode("utf-8", "surrogatepass"))


def from_bytes(text: str, index: int) -> int:
    """Undoes `to_bytes`. A place inside a character is that where the character begins; one behind the end is the end, and one before
    the beginning the beginning."""
    if text.isascii():
        return max(0, min(index, len(text)))
    data = text.encode("utf-8", "surrogatepass")
    index = max(0, min(index, len(data)))
    while 0 < index < len(data) and data[index] & 0xC0 == 0x80:
        index -= 1
    return len(data[:index].decode("utf-8", "surrogatepass"))
