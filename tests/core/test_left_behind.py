"""What stays behind when a request changes formats."""

import pytest

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.left_behind import drop_cache, is_blank, media_note, own_proofs, spoken_instructions
from ccproxy_cli.core.parts import CacheMark, Inline, Media, MediaKind, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.request import Request

MARK = CacheMark("1h")


def lost(losses: Losses) -> dict[str, str]:
    return {loss.field: loss.why for loss in losses}


def test_a_mark_is_told_where_it_stood() -> None:
    losses = Losses()
    drop_cache(None, "tools[0]", losses)
    drop_cache(MARK, "tools[1]", losses)
    drop_cache(MARK, "", losses)
    assert list(lost(losses)) == ["tools[1].cache_control", "cache_control"]


def test_a_proof_goes_to_its_issuer_alone() -> None:
    mine, theirs = Proof("me", "1"), Proof("them", "2")
    losses = Losses()
    assert own_proofs(Text(proofs=(mine,)), "me", "a", losses) == (mine,)
    assert own_proofs(Text(proofs=(mine, theirs)), "me", "b", losses) == (mine,)
    assert own_proofs(Text(), "me", "c", losses) == ()
    assert list(lost(losses)) == ["b.signature"]


def test_instructions_are_spoken_without_what_only_their_vendor_understands() -> None:
    billing = "x-anthropic-billing-header: cc_version=1;"
    parts = (
        Text(f"{billing}\nBe brief.", MARK, {"another": {"odd": 1}}),
        Opaque("another", {"type": "riddle"}),
        Text(""),
        Text(billing),
    )
    losses = Losses()
    assert list(spoken_instructions(Request("m", (), instructions=parts), "me", losses)) == [
        (Text("Be brief.", MARK), "system[0]"),
        (Text(billing), "system[3]"),  # only the first can be the client's own
    ]
    assert lost(losses) == {
        "system[0].odd": "me has no place for it",
        "system[0]": "the client's billing line is for its own vendor",
        "system[1]": "me has no instructions of type riddle",
    }


def test_a_billing_line_alone_is_nothing_to_say() -> None:
    request = Request("m", (), instructions=(Text("x-anthropic-billing-header: 1"),), instructions_flat=True)
    losses = Losses()
    assert list(spoken_instructions(request, "me", losses)) == []
    assert list(lost(losses)) == ["system"]


@pytest.mark.parametrize(
    ("part", "blank"),
    [
        (Text(), True),
        (Text("a"), False),
        (Text(proofs=(Proof("me", "1"),)), False),
        (Reasoning(proofs=(Proof("me", "1"),)), False),
        (Reasoning(proofs=(Proof("them", "1"),)), True),
        (Refusal(), True),
        (Refusal("no"), False),
        (ToolCall("1", "f"), False),
    ],
)
def test_a_part_is_blank_if_nothing_in_it_is_for_the_target(part: Part, blank: bool) -> None:
    assert is_blank(part, "me") is blank


def test_a_medium_that_cannot_be_shown_is_named() -> None:
    assert "image" in media_note(Media(MediaKind.IMAGE, Inline("image/png", "")))
