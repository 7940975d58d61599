"""Where in a text a source is named, however a vendor counts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.citations import Citation, from_bytes, pieces, spread, to_bytes

# Of one, two, three and four bytes; some are drawn together, and all but the last plane are one unit of UTF-16.
LETTERS = st.sampled_from("ab é ß 日本 ’ 😀 👩‍👩‍👧 \u0301")
TEXTS = st.text(LETTERS, max_size=20)


@st.composite
def cited(draw: st.DrawFn) -> tuple[str, list[Citation]]:
    text = draw(TEXTS)
    citations = []
    for number in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        citations.append(Citation(f"https://example.com/{number}", start=start, end=draw(st.integers(start, len(text)))))
    return text, citations


@given(TEXTS, st.integers(0, 25))
def test_a_place_counted_in_bytes_is_the_same_place(text: str, index: int) -> None:
    index = min(index, len(text))
    assert text.encode()[: to_bytes(text, index)].decode() == text[:index]
    assert from_bytes(text, to_bytes(text, index)) == index


@given(TEXTS, st.integers(0, 200))
def test_any_number_of_bytes_is_a_place(text: str, index: int) -> None:
    place = from_bytes(text, index)
    assert to_bytes(text, place) <= index or place == 0
    assert place == len(text) or to_bytes(text, place + 1) > index


def test_a_lone_surrogate_counts() -> None:
    assert from_bytes("\ud83da", to_bytes("\ud83da", 1)) == 1


@given(cited())
def test_pieces_are_the_whole_text_and_each_says_what_holds_for_all_of_it(case: tuple[str, list[Citation]]) -> None:
    text, citations = case
    cut = pieces(text, citations)
    assert "".join(piece.text for piece in cut) == text
    begins = 0
    for piece in cut:
        for number, citation in enumerate(citations):
            start, end = citation.within(len(text))
            inside = start < end and start <= begins and begins + len(piece.text) <= end
            if inside and piece.text:
                assert Citation(f"https://example.com/{number}") in piece.citations
        begins += len(piece.text)


@given(cited())
def test_cited_words_are_the_same_words_in_pieces(case: tuple[str, list[Citation]]) -> None:
    text, citations = case
    cut = pieces(text, citations)
    for citation in citations:
        start, end = citation.within(len(text))
        if start < end:
            assert "".join(piece.text for piece in cut if Citation(citation.url) in piece.citations) == text[start:end]


def test_a_mark_behind_words_is_about_the_words_before_it() -> None:
    mark = Citation(file_id="f", start=3, end=3)
    assert [(piece.text, len(piece.citations)) for piece in pieces("one two", [mark])] == [("one", 1), (" two", 0)]


def test_a_range_that_is_not_in_the_text_means_all_of_it() -> None:
    for start, end in ((None, None), (0, 0), (5, 4), (2, 99), (-1, 2)):
        assert Citation("u", start=start, end=end).within(4) == (0, 4)
    assert Citation("u", start=1, end=3).within(4) == (1, 3)


@given(st.lists(TEXTS, max_size=4), st.data())
@settings(max_examples=50)
def test_what_was_counted_as_one_text_is_about_the_same_words_in_several(texts: list[str], data: st.DataObject) -> None:
    whole = "".join(texts)
    start = data.draw(st.integers(0, len(whole)))
    citation = Citation("u", start=start, end=data.draw(st.integers(start, len(whole))))
    first, last = citation.within(len(whole))
    found = spread([citation], [len(text) for text in texts])
    words = ["".join(text[one.start : one.end] for one in ones) for text, ones in zip(texts, found, strict=True)]
    assert "".join(words) == whole[first:last]
    assert all(len(ones) <= 1 for ones in found)
    if whole:
        assert any(found)


def test_a_citation_moves_with_its_words() -> None:
    assert Citation("u", start=1, end=2).moved(10, 5) == Citation("u", start=11, end=12)
    assert Citation("u").moved(10, 5) == Citation("u", start=10, end=15)
