"""Laws of showing Markdown as it grows: nothing is lost, and how it was cut into pieces changes nothing."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ccproxy_cli.cli.markdown import Blocks, LiveMarkdown

LINES = st.sampled_from(["", "", "word", "- item", "1. first", "  inner", "```", "```py", "~~~", "# head", "    code", "| a | b |"])
TEXTS = st.lists(LINES, max_size=20).map("\n".join)


def blocks(pieces: list[str]) -> list[str]:
    """All blocks of a text that came in these pieces."""
    cutter = Blocks()
    finished = [block for piece in pieces for block in cutter.feed(piece)]
    return [*finished, cutter.rest]


@given(TEXTS)
def test_the_blocks_are_the_text(text: str) -> None:
    assert "\n".join(blocks([text])) == text


@given(TEXTS, st.data())
def test_pieces_change_nothing(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert blocks(pieces) == blocks([text]) == blocks(list(text))


def test_code_and_lists_stay_whole() -> None:
    text = "Intro\n\n1. one\n\n   more\n\n2. two\n\n```py\na = 1\n\nb = 2\n```\n\nEnd\n\n"
    assert [block.strip() for block in blocks(list(text))] == [
        "Intro",
        "1. one\n\n   more\n\n2. two",
        "```py\na = 1\n\nb = 2\n```",
        "End",
    ]


def test_a_fence_ends_with_its_own_kind_alone() -> None:
    text = "````\n```\n\ninside\n````\n\nafter\n"
    assert [block.strip() for block in blocks([text])] == ["````\n```\n\ninside\n````", "after"]


def test_everything_is_printed_once() -> None:
    screen = io.StringIO()
    text = "".join(f"paragraph{number}\n\n" for number in range(40)) + "the end"
    with LiveMarkdown(Console(file=screen, width=40, height=5)) as markdown:
        for char in text:
            markdown.feed(char)
    printed = screen.getvalue()
    for number in range(40):
        assert printed.count(f"paragraph{number} ") == 1
    assert "the end" in printed
