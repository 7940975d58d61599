"""What one format says and the vocabulary does not: who hears of it, and what is refused."""

import pytest

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import VITAL, Extras, Losses, refuse_vital
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Request

KEPT = {"another": {f"{VITAL}previous_answer": "answer-1", "odd": 1}}
CONTINUED = Request("m", (), extras=KEPT)
"""All of the question is at a vendor, so that there are no messages."""


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_what_another_vendor_keeps_is_named_before_anything_else_is_wrong(format_: Format) -> None:
    for encode in filter(None, (format_.encode_request, format_.encode_count_request)):
        with pytest.raises(BadRequest, match=r"^previous_answer: names something only its own vendor keeps") as caught:
            encode(CONTINUED, Profile(), Losses())
        assert caught.value.param == "previous_answer"


def test_what_a_vendor_keeps_is_no_riddle_to_itself() -> None:
    refuse_vital(KEPT, "another")
    with pytest.raises(BadRequest, match="previous_answer"):
        refuse_vital(KEPT)


def test_each_member_of_another_format_is_a_loss_once() -> None:
    losses = Losses()
    extras: Extras = {"another": {"odd": 1, "nothing": None, "empty": [], "$note": True}, "own": {"even": 2}}
    losses.add_foreign(extras, "own", "tools[0]")
    losses.add_foreign(extras, "own", "tools[0]")
    assert [(loss.field, loss.why) for loss in losses] == [("tools[0].odd", "own has no place for it")]


def test_a_strict_client_is_refused_by_the_first_loss() -> None:
    losses = Losses(strict=True)
    losses.refuse_if_strict()
    losses.add("top_k", "no such thing")
    losses.add("seed", "nor that")
    with pytest.raises(BadRequest, match="top_k: no such thing; seed: nor that") as caught:
        losses.refuse_if_strict()
    assert caught.value.param == "top_k"
