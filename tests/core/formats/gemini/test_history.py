"""Conversations of other formats under this vendor's rules."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini.history import OPENING
from ccproxy_cli.core.formats.gemini.parts import STAND_IN
from ccproxy_cli.core.left_behind import NO_RESULT
from ccproxy_cli.core.parts import (
    CacheMark,
    Excerpts,
    FileRef,
    Inline,
    Link,
    Media,
    MediaKind,
    Opaque,
    PlainText,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from tests.core.formats.gemini.asking import HELLO, conversation, lost, written

IMAGE = Media(MediaKind.IMAGE, Inline("image/jpeg", "iVBORw0KGgoAAAA"))
CALL = ToolCall("c1", "look", '{"at": "it"}')
SAW = ToolResult("c1", (Text("a cat"),))


def said(role: Role, *parts: Any) -> Message:
    return Message(role, parts)


def user(*parts: Any) -> Message:
    return said(Role.USER, *parts)


def model(*parts: Any) -> Message:
    return said(Role.ASSISTANT, *parts)


def test_sides_are_merged_and_named() -> None:
    contents = conversation(HELLO, user(Text("there")), model(Text("hi")), model(Refusal("no")))
    assert contents == [
        {"role": "user", "parts": [{"text": "hello"}, {"text": "there"}]},
        {"role": "model", "parts": [{"text": "hi"}, {"text": "no"}]},
    ]


def test_the_user_speaks_first() -> None:
    losses = Losses()
    contents = conversation(model(Text("hi")), losses=losses)
    assert [content["role"] for content in contents] == ["user", "model"]
    assert contents[0]["parts"] == [{"text": OPENING}]
    assert len(losses) == 1


def test_leading_instructions_stand_apart_and_late_ones_among_the_users_words() -> None:
    request = Request(
        "g",
        (said(Role.SYSTEM, Text("one")), said(Role.DEVELOPER, Text("two")), HELLO, said(Role.SYSTEM, Text("late")), model(Text("hi"))),
        instructions=(Text("zero"),),
    )
    body = written(request)
    assert body["systemInstruction"] == {"parts": [{"text": "zero"}, {"text": "one"}, {"text": "two"}]}
    assert body["contents"][0]["parts"] == [{"text": "hello"}, {"text": "<system-reminder>\nlate\n</system-reminder>"}]


def test_a_line_that_changes_on_every_run_is_left_out_of_the_instructions() -> None:
    losses = Losses()
    billing = "x-anthropic-billing-header: cc_version=2; cch=abc"
    request = Request("g", (HELLO,), instructions=(Text(f"{billing}\nYou help."), Text("More.")))
    assert written(request, losses=losses)["systemInstruction"]["parts"] == [{"text": "You help."}, {"text": "More."}]
    assert lost(losses) == {"system[0]": "the client's billing line is for its own vendor"}


def test_instructions_alone_become_the_users_words() -> None:
    losses = Losses()
    assert conversation(said(Role.SYSTEM, Text("do it")), losses=losses) == [{"role": "user", "parts": [{"text": "do it"}]}]
    assert list(lost(losses)) == ["messages[0].role"]


def test_results_follow_their_calls_in_order_before_anything_else() -> None:
    calls = (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))
    contents = conversation(
        HELLO,
        model(*calls),
        user(Text("by the way"), ToolResult("b", (Text("2"),))),
        said(Role.SYSTEM, Text("hm")),
        said(Role.TOOL, ToolResult("a", (Text("1"),))),
    )
    assert contents[2]["parts"] == [
        {"functionResponse": {"name": "f", "id": "a", "response": {"output": "1"}}},
        {"functionResponse": {"name": "g", "id": "b", "response": {"output": "2"}}},
        {"text": "by the way"},
        {"text": "<system-reminder>\nhm\n</system-reminder>"},
    ]


def test_what_does_not_pair_is_repaired_and_told() -> None:
    losses = Losses()
    contents = conversation(HELLO, model(CALL), user(ToolResult("zzz", (Text("?"),)), Text("go on")), losses=losses)
    (response, words) = contents[2]["parts"]
    assert response["functionResponse"] == {"name": "look", "id": "c1", "response": {"error": NO_RESULT}}
    assert words == {"text": "go on"}
    assert set(lost(losses)) == {"messages[2].content", "messages[c1]"}


def test_ids_that_come_again_are_told_apart() -> None:
    turn = (model(ToolCall("0", "f", "{}")), user(ToolResult("0", (Text("x"),))))
    contents = conversation(HELLO, *turn, *turn)
    ids = [part.get("functionCall", part.get("functionResponse"))["id"] for content in contents[1:] for part in content["parts"]]
    assert ids[0] == ids[1] == "0"
    assert ids[2] == ids[3] != "0"


@pytest.mark.parametrize(
    ("text", "failed", "response"),
    [
        ("fine", None, {"output": "fine"}),
        ("fine", False, {"output": "fine"}),
        ("bad", True, {"error": "bad"}),
        ('{"a": [1.50]}', None, {"a": [1.5]}),
        ('{"a": ', None, {"output": '{"a": '}),
        ("[1]", None, {"output": "[1]"}),
        ("", None, {"output": ""}),
    ],
)
def test_responses_are_objects(text: str, failed: bool | None, response: dict[str, Any]) -> None:
    contents = conversation(HELLO, model(CALL), user(ToolResult("c1", (Text(text),), is_error=failed)))
    assert contents[2]["parts"][0]["functionResponse"]["response"] == response


def test_media_of_results_stand_inside_or_beside_them() -> None:
    messages = (HELLO, model(CALL), user(ToolResult("c1", (Text("look"), IMAGE)), Text("?")))
    blob = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoAAAA"}}
    beside = conversation(*messages)[2]["parts"]
    assert [list(part) for part in beside] == [["functionResponse"], ["inlineData"], ["text"]]
    assert beside[1] == blob
    inside = conversation(*messages, profile=Profile(result_media=True))[2]["parts"]
    assert inside[0]["functionResponse"]["parts"] == [blob]
    assert len(inside) == 2


@pytest.mark.parametrize(
    ("media", "parts"),
    [
        (Media(MediaKind.DOCUMENT, Inline("application/pdf", "AA")), [{"inlineData": {"mimeType": "application/pdf", "data": "AA"}}]),
        (Media(MediaKind.DOCUMENT, PlainText("hi")), [{"inlineData": {"mimeType": "text/plain", "data": "aGk="}}]),
        (Media(MediaKind.AUDIO, Inline("audio/wav", "AA")), [{"inlineData": {"mimeType": "audio/wav", "data": "AA"}}]),
        (Media(MediaKind.IMAGE, Link("https://x.org/a.png")), [{"fileData": {"mimeType": "image/png", "fileUri": "https://x.org/a.png"}}]),
        (Media(MediaKind.IMAGE, Link("https://x.org/a")), [{"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.org/a"}}]),
        (Media(MediaKind.VIDEO, Link("https://youtu.be/a")), [{"fileData": {"fileUri": "https://youtu.be/a"}}]),
        (Media(MediaKind.DOCUMENT, Excerpts((Text("a"), Text("b")))), [{"text": "a"}, {"text": "b"}]),
    ],
)
def test_media(media: Media, parts: list[Any]) -> None:
    assert conversation(user(media))[0]["parts"] == parts


def test_what_is_said_of_media_is_lost() -> None:
    losses = Losses()
    media = Media(MediaKind.DOCUMENT, Inline("application/pdf", "AA"), name="a.pdf", context="c", detail="high", cache=CacheMark())
    conversation(user(media), losses=losses)
    assert set(lost(losses)) == {f"messages[0].content[0].{name}" for name in ("name", "context", "detail", "cache_control")}


def test_files_of_other_vendors_are_refused() -> None:
    with pytest.raises(BadRequest, match="lives at anthropic") as caught:
        conversation(user(Media(MediaKind.IMAGE, FileRef("anthropic", "file_1"))))
    assert caught.value.param == "messages[0].content[0]"


def test_reasoning_goes_back_to_its_issuer_alone() -> None:
    losses = Losses()
    mine, other = Proof("gemini", "bWluZQ=="), Proof("anthropic", "sig")
    contents = conversation(
        HELLO,
        model(Reasoning("hm", (other,)), Reasoning("ha", (mine,)), Text("so", proofs=(other, mine)), Text("", proofs=(mine,))),
        losses=losses,
    )
    assert contents[1]["parts"] == [
        {"text": "ha", "thought": True, "thoughtSignature": "bWluZQ=="},
        {"text": "so", "thoughtSignature": "bWluZQ=="},
        {"text": "", "thoughtSignature": "bWluZQ=="},
    ]
    assert "messages[1].content[0]" in lost(losses)
    assert "sig" not in json.dumps(contents)


def test_calls_without_a_signature_get_the_documented_stand_in_once_per_step() -> None:
    turn = model(Text("so"), ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))
    answers = user(ToolResult("a"), ToolResult("b"))
    own = model(ToolCall("c", "f", "{}", proofs=(Proof("gemini", "bWluZQ=="),)))
    contents = conversation(HELLO, turn, answers, own, user(ToolResult("c")), profile=Profile(call_signatures=True))
    signatures = [part.get("thoughtSignature") for content in contents for part in content["parts"] if "functionCall" in part]
    assert signatures == [STAND_IN, None, "bWluZQ=="]
    assert "thoughtSignature" not in json.dumps(conversation(HELLO, turn, answers))


def test_arguments_must_be_an_object() -> None:
    with pytest.raises(BadRequest, match="'c9'") as caught:
        conversation(HELLO, model(ToolCall("c9", "f", "{")))
    assert caught.value.param == "messages[1].content[0]"
    free = conversation(HELLO, model(ToolCall("c9", "f", "a\nb", ToolKind.CUSTOM)))
    assert free[1]["parts"][0]["functionCall"]["args"] == {"input": "a\nb"}
    assert conversation(HELLO, model(ToolCall("c9", "f", " ")))[1]["parts"][0]["functionCall"]["args"] == {}


def test_what_only_another_vendor_can_read_is_lost() -> None:
    losses = Losses()
    contents = conversation(user(Opaque("anthropic", {"type": "search_result"}), Text("?")), losses=losses)
    assert contents[0]["parts"] == [{"text": "?"}]
    assert lost(losses) == {"messages[0].content[0]": "gemini has no search_result"}


def test_empty_words_are_left_out_unless_there_is_nothing_else() -> None:
    assert conversation(user(Text(""), Text("a")), model(Text("")), user(Text("b"))) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}
    ]
    assert conversation(user(Text(""))) == [{"role": "user", "parts": [{"text": ""}]}]


STEPS = st.sampled_from(["user", "model", "system", "call", "two calls"])


@given(st.lists(STEPS, min_size=1, max_size=8))
def test_a_longer_conversation_begins_with_the_same_bytes(steps: list[str]) -> None:
    """Prompt caches are kept by prefix: whole rounds that were sent before are sent again as they were."""
    messages = [HELLO]
    for number, step in enumerate(steps):
        a, b = f"call_{number}a", f"call_{number}b"
        match step:
            case "call":
                messages += [model(ToolCall(a, "f", "{}")), user(ToolResult(a, (Text("x"),)))]
            case "two calls":
                messages += [model(Text("so"), ToolCall(a, "f", "{}"), ToolCall(b, "g", "{}")), user(ToolResult(b), ToolResult(a))]
            case _:
                messages.append(said(Role(step.replace("model", "assistant")), Text(f"words {number}")))
    profile = Profile(call_signatures=True)
    for end in range(1, len(messages)):
        if messages[end].role is Role.ASSISTANT and messages[end - 1].role is not Role.ASSISTANT:
            earlier, later = conversation(*messages[:end], profile=profile), conversation(*messages, profile=profile)
            assert later[: len(earlier)] == earlier
    contents = conversation(*messages, profile=profile)
    roles = [content["role"] for content in contents]
    assert roles[0] == "user"
    assert all(first != second for first, second in itertools.pairwise(roles))


def test_proofs_of_others_are_told_as_lost_wherever_they_hang() -> None:
    own, other, losses = Proof("gemini", "b3du"), Proof("anthropic", "x"), Losses()
    call = ToolCall("c1", "look", "{}", proofs=(own, other))
    thought, words = Reasoning("hm", (own, other)), Text("hi", proofs=(other,))
    contents = conversation(HELLO, model(thought, words, call), user(SAW), losses=losses)
    assert "x" not in {part.get("thoughtSignature") for content in contents for part in content["parts"]}
    assert set(lost(losses)) == {f"messages[1].content[{index}].signature" for index in range(3)}
