"""Turns whose calls are answered at once, whatever order the client sent them in."""

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.left_behind import NO_RESULT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Part, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Role
from ccproxy_cli.core.turns import Turn, lead_in, pair_results, remind

ALLOWED = re.compile(r"[a-z0-9_]{1,40}")


def lost(losses: Losses) -> list[str]:
    return [loss.field for loss in losses]


def said(role: Role, text: str = "words") -> Message:
    return Message(role, (Text(text),))


def call(call_id: str) -> ToolCall:
    return ToolCall(call_id, "look")


def result(call_id: str, text: str = "seen") -> ToolResult:
    return ToolResult(call_id, (Text(text),))


def turns_of(*turns: Sequence[Part]) -> list[Turn]:
    """Turns of the model and the user by turns, each said in one message."""
    made = []
    for index, parts in enumerate(turns):
        turn = Turn(Role.USER if index % 2 else Role.ASSISTANT)
        turn.add(turn.role, turn.take_results(parts, f"messages[{index}]"))
        made.append(turn)
    return made


# Segments


def test_a_role_that_goes_on_is_one_segment_and_the_given_lists_stay_as_they_are() -> None:
    first: list[Part] = [Text("a")]
    turn = Turn(Role.USER)
    for role, parts in ((Role.USER, first), (Role.USER, [Text("b")]), (Role.SYSTEM, [Text("c")]), (Role.USER, [])):
        turn.add(role, parts)
    assert turn.segments == [(Role.USER, [Text("a"), Text("b")]), (Role.SYSTEM, [Text("c")])]
    assert turn.parts == [Text("a"), Text("b"), Text("c")]
    assert first == [Text("a")]


# Instructions


def test_messages_that_instruct_are_counted_up_to_the_first_that_does_not() -> None:
    messages = (said(Role.SYSTEM), said(Role.DEVELOPER), said(Role.USER), said(Role.SYSTEM))
    losses = Losses()
    assert lead_in(messages, "me", losses) == (2, messages)
    assert lead_in((), "me", losses) == (0, ())
    assert not losses


def test_the_last_of_instructions_alone_is_the_users() -> None:
    losses = Losses()
    lead, messages = lead_in((said(Role.SYSTEM, "a"), said(Role.DEVELOPER, "b")), "me", losses)
    assert (lead, messages) == (1, (said(Role.SYSTEM, "a"), said(Role.USER, "b")))
    assert lost(losses) == ["messages[1].role"]


def test_words_are_marked_as_a_reminder_and_all_else_stays() -> None:
    image = Media(MediaKind.IMAGE, Inline("image/png", ""))
    assert remind(image) is image
    assert remind(Text("be brief")) == Text("<system-reminder>\nbe brief\n</system-reminder>")


# Calls and results


def test_results_answer_in_the_order_of_the_calls_wherever_they_stood() -> None:
    losses = Losses()
    turns = turns_of([call("a"), call("b")], [result("b"), Text("and?")], [Text("wait")], [result("a")])
    pair_results(turns, ALLOWED, losses)
    assert turns[1].answers == [result("a"), result("b")]
    assert turns[1].parts == [Text("and?")]
    assert turns[3].answers == []
    assert not losses


def test_a_call_at_the_end_is_answered_in_a_turn_of_its_own() -> None:
    losses = Losses()
    turns = turns_of([call("a")])
    pair_results(turns, ALLOWED, losses)
    assert [turn.role for turn in turns] == [Role.ASSISTANT, Role.USER]
    assert turns[1].answers == [ToolResult("a", (Text(NO_RESULT),), is_error=True, flat=True)]
    assert lost(losses) == ["messages[a]"]


def test_a_result_of_no_call_is_told_by_its_place() -> None:
    losses = Losses()
    turns = turns_of([Text("hello")], [result("z")])
    pair_results(turns, ALLOWED, losses)
    assert turns[1].answers == []
    assert lost(losses) == ["messages[1].content"]


def test_a_result_is_not_taken_from_a_later_call_of_the_same_id() -> None:
    turns = turns_of([call("a")], [Text("go on")], [call("a")], [result("a", "the second")])
    pair_results(turns, ALLOWED, Losses())
    assert turns[1].answers[0].is_error
    assert turns[3].answers[0].parts == (Text("the second"),)
    assert turns[2].calls[0].call_id == turns[3].answers[0].call_id != "a"


IDS = st.sampled_from(["a", "b", "c", "", "An Odd One"])
TURNS = st.lists(st.lists(IDS, max_size=4), max_size=6)


@given(TURNS)
def test_every_call_has_one_answer_in_the_next_turn_under_an_id_of_its_own(ids: list[list[str]]) -> None:
    turns = turns_of(*[[result(each) if index % 2 else call(each) for each in given_ids] for index, given_ids in enumerate(ids)])
    pair_results(turns, ALLOWED, Losses())
    for before, turn in pairwise(turns):
        assert [each.call_id for each in before.calls] == [each.call_id for each in turn.answers]
    called = [each.call_id for turn in turns for each in turn.calls]
    assert len(called) == sum(len(given_ids) for given_ids in ids[::2]) == len(set(called))
    assert all(ALLOWED.fullmatch(each) for each in called)
    assert not turns or not turns[-1].calls


@given(TURNS)
def test_a_result_is_an_answer_or_told_to_be_dropped(ids: list[list[str]]) -> None:
    losses = Losses()
    turns = turns_of(*[[result(each) if index % 2 else call(each) for each in given_ids] for index, given_ids in enumerate(ids)])
    pair_results(turns, ALLOWED, losses)
    answered = sum(not answer.is_error for turn in turns for answer in turn.answers)
    dropped = sum(len(turn.results) for turn in turns)
    assert answered + dropped == sum(len(given_ids) for given_ids in ids[1::2])
    assert {result.path + ".content" for turn in turns for result in turn.results} <= set(lost(losses))
