"""Why a model declined, where its vendor says so beside the answer: every client is told, in the place it has for that."""

import json
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Refusal, Text
from ccproxy_cli.core.response import DECLINED, Response
from ccproxy_cli.core.stream import explode
from tests.core.test_sources import BODIES, REQUEST, through_body, through_stream

WHY = "This could help an attack."
CANDIDATE = {"content": {"role": "model", "parts": [{"text": "No."}]}, "finishReason": "SAFETY", "finishMessage": WHY, "index": 0}
TOLD: dict[str, dict[str, Any]] = {
    "anthropic": {
        "content": [{"type": "text", "text": "No."}],
        "stop_reason": "refusal",
        "stop_details": {"type": "refusal", "category": "cyber", "explanation": WHY},
    },
    "gemini": {"candidates": [CANDIDATE]},
}


def answered(source: str, **members: Any) -> Response:
    return evolve(FORMATS[source].decode_response(json.dumps({**BODIES[source], **members}).encode()), created=1)


def explained(response: Response) -> str:
    said = [part.text for part in response.parts if isinstance(part, Refusal)]
    return response.finish.explanation or "".join(said)


@pytest.mark.parametrize("source", TOLD)
@pytest.mark.parametrize("target", FORMATS)
def test_the_reason_arrives(source: str, target: str) -> None:
    response = answered(source, **TOLD[source])
    assert response.finish.explanation == WHY
    for received in (through_body(FORMATS[target], response), through_stream(FORMATS[target], explode(response))):
        assert explained(received) == WHY
        assert [part.text for part in received.parts if isinstance(part, Text)] == ["No."]
        assert received.finish.reason in DECLINED


@pytest.mark.parametrize("source", TOLD)
def test_its_own_client_is_told_as_the_vendor_does(source: str) -> None:
    body = {**BODIES[source], **TOLD[source]}
    assert json.loads(FORMATS[source].encode_response(answered(source, **TOLD[source]), REQUEST)) == body
    again = through_stream(FORMATS[source], explode(answered(source, **TOLD[source])))
    assert again.finish.explanation == WHY


@pytest.mark.parametrize("why", [None, WHY])
def test_a_blocked_prompt_is_explained_in_words_or_not_at_all(why: str | None) -> None:
    feedback = {"blockReason": "SAFETY"} if why is None else {"blockReason": "SAFETY", "blockReasonMessage": why}
    body = {"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 1}, "responseId": "r", "modelVersion": "m"}
    response = evolve(FORMATS["gemini"].decode_response(json.dumps(body).encode()), created=1)
    claudes = json.loads(FORMATS["anthropic"].encode_response(response, REQUEST))
    assert claudes.get("stop_details", {}).get("explanation") == why
    assert json.loads(FORMATS["openai-chat"].encode_response(response, REQUEST))["choices"][0]["message"]["refusal"] == why


def test_a_message_about_anything_else_is_no_refusal() -> None:
    candidate = {**CANDIDATE, "finishReason": "STOP", "finishMessage": "Model generated function call(s)."}
    assert answered("gemini", candidates=[candidate]).finish.explanation is None


def test_words_of_its_own_say_enough() -> None:
    refused = evolve(answered("anthropic", **TOLD["anthropic"]), parts=(Refusal("I will not."),))
    for target in ("openai-chat", "openai-responses"):
        for received in (through_body(FORMATS[target], refused), through_stream(FORMATS[target], explode(refused))):
            assert [part.text for part in received.parts if isinstance(part, Refusal)] == ["I will not."]
