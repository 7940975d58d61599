"""Refused proofs are recognized by the vendors' words, and the request goes on without what was refused."""

import base64

import pytest

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Request, Role, Thinking, ThinkingMode
from ccproxy_cli.pipeline.refusals import ProofRefusal, refusal_in, without_refused

SIGNED = (Proof("anthropic", "sig"),)
HISTORY: tuple[Part, ...] = (
    Reasoning("t", SIGNED),
    Text("words", proofs=SIGNED),
    Text("", proofs=SIGNED),
    ToolCall("c1", "Read", "{}", item_id="fc_1", proofs=SIGNED),
    ToolCall("c2", "Read", "{}"),
)
STAND_IN = Proof("gemini", base64.b64encode(b"skip_thought_signature_validator").decode())


def asked(*parts: Part, thinking: Thinking | None = None) -> Request:
    results = tuple(ToolResult(part.call_id, (Text("done"),)) for part in parts if isinstance(part, ToolCall))
    messages = (Message(Role.USER, (Text("hi"),)), Message(Role.ASSISTANT, parts), Message(Role.TOOL, results))
    return Request("m", messages, thinking=thinking)


def refused(message: str, status: int = 400) -> ProofRefusal | None:
    return refusal_in(APIError(ErrorKind.INVALID_REQUEST, message, status))


SAID = [
    ("messages.1.content.0: Invalid `signature` in `thinking` block", "anthropic"),
    ("messages.1.content.0: Invalid signature in thinking block", "anthropic"),
    ("messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.", "anthropic"),
    ("messages.5: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.", "anthropic"),
    ("The encrypted content gAAAAABp could not be verified. Reason: it could not be decrypted or parsed.", "openai-responses"),
    ("Item 'rs_1' of type 'reasoning' was provided without its required following item.", "openai-responses"),
    ("Thought signature is not valid.", "gemini"),
    ("Function call is missing a thought_signature in functionCall parts.", "gemini"),
]


@pytest.mark.parametrize(("message", "issuer"), SAID)
def test_the_vendors_words_are_known(message: str, issuer: str) -> None:
    found = refused(message)
    assert found is not None
    assert found.issuer == issuer
    assert refused(message, 429) is None


@pytest.mark.parametrize("message", ["messages.0.content: Field required", "prompt is too long: 3 tokens > 2 maximum", "signature"])
def test_other_errors_are_not_taken_for_it(message: str) -> None:
    assert refused(message) is None


def test_all_reasoning_and_every_proof_goes_and_each_is_told() -> None:
    refusal, losses = refused(SAID[0][0]), Losses()
    assert refusal is not None
    again = without_refused(asked(*HISTORY), refusal, losses)
    assert again is not None
    assert again.messages[1].parts == (Text("words"), ToolCall("c1", "Read", "{}"), ToolCall("c2", "Read", "{}"))
    assert [loss.field for loss in losses] == [f"messages[1].content[{index}]" for index in range(4)]


def test_a_message_of_nothing_but_reasoning_goes() -> None:
    refusal = refused(SAID[0][0])
    assert refusal is not None
    again = without_refused(asked(Reasoning("t", SIGNED)), refusal, Losses())
    assert again is not None
    assert [message.role for message in again.messages] == [Role.USER, Role.TOOL]


def test_trying_the_same_again_is_no_use() -> None:
    refusal, losses = refused(SAID[0][0]), Losses()
    assert refusal is not None
    assert without_refused(asked(Text("words"), ToolCall("c1", "Read", "{}")), refusal, losses) is None
    assert not losses


def test_thinking_within_a_budget_pauses_in_a_tool_loop() -> None:
    refusal, losses = refused(SAID[2][0]), Losses()
    assert refusal is not None
    budget = Thinking(ThinkingMode.BUDGET, 2048)
    again = without_refused(asked(ToolCall("c1", "Read", "{}"), thinking=budget), refusal, losses)
    assert again is not None
    assert again.thinking is None
    assert [loss.field for loss in losses] == ["thinking"]
    adaptive = Thinking(ThinkingMode.ADAPTIVE)
    kept = without_refused(asked(*HISTORY, thinking=adaptive), refusal, Losses())
    assert kept is not None
    assert kept.thinking == adaptive


def test_a_refused_signature_is_replaced_by_the_documented_stand_in() -> None:
    refusal = refused(SAID[6][0])
    assert refusal is not None
    again = without_refused(asked(*HISTORY), refusal, Losses())
    assert again is not None
    assert again.messages[1].parts[1:] == (ToolCall("c1", "Read", "{}", proofs=(STAND_IN,)), ToolCall("c2", "Read", "{}"))


def test_a_missing_signature_is_stood_in_for_and_the_others_stay() -> None:
    refusal, losses = refused(SAID[7][0]), Losses()
    assert refusal is not None
    own = ToolCall("c1", "Read", "{}", proofs=(Proof("gemini", "own"),))
    first = asked(Reasoning("t", SIGNED), own, ToolCall("c2", "Read", "{}"))
    assert without_refused(first, refusal, losses) is None
    later = (*first.messages, Message(Role.ASSISTANT, (ToolCall("c3", "Read", "{}"), ToolCall("c4", "Read", "{}"))))
    again = without_refused(Request("m", later), refusal, losses)
    assert again is not None
    assert again.messages[:3] == first.messages
    assert again.messages[3].parts == (ToolCall("c3", "Read", "{}", proofs=(STAND_IN,)), ToolCall("c4", "Read", "{}"))
    assert not losses
