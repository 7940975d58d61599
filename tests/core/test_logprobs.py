"""Log probabilities and service tiers between formats."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.logprobs import Likely, TokenLogprob, allot
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import explode
from tests.core.test_hosted import PLAIN, asked, told
from tests.core.test_sources import BODIES, through_body, through_stream

TOKENS = (TokenLogprob("It", -0.5, (Likely("It", -0.5), Likely("He", -1.25))), TokenLogprob("’s 😀", -2.0, (Likely("’s 😀", -2.0),)))
ANSWER = Response("resp_1", "m", (Text("It’s 😀"),), Finish(FinishReason.STOP), created=1, logprobs=TOKENS)
TELLING = ["openai-chat", "openai-responses", "gemini"]


@given(st.lists(st.text(min_size=1, max_size=5), max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_tokens_go_with_the_text_they_are_of(words: list[str], cuts: list[int]) -> None:
    tokens = [TokenLogprob(word, -1.0) for word in words]
    marks = sorted(min(cut, len(words)) for cut in cuts)
    groups = [words[start:end] for start, end in zip([0, *marks], [*marks, len(words)], strict=True)]
    texts = ["".join(group) for group in groups]
    assert [[token.token for token in some] for some in allot(tokens, texts)] == groups


def test_tokens_that_no_text_shows_are_not_forgotten() -> None:
    tokens = [TokenLogprob("a", -1.0), TokenLogprob("b", -1.0)]
    assert allot(tokens, ["a", ""]) == [tokens[:1], tokens[1:]]
    assert allot(tokens, []) == []


@pytest.mark.parametrize("target", TELLING)
def test_tokens_arrive_in_bodies_and_streams(target: str) -> None:
    losses = Losses()
    assert through_body(FORMATS[target], ANSWER, losses).logprobs == TOKENS
    assert through_stream(FORMATS[target], explode(ANSWER), losses).logprobs == TOKENS
    assert not losses


def test_claudes_clients_are_told_none_aloud() -> None:
    for streamed in (False, True):
        losses, format_ = Losses(), FORMATS["anthropic"]
        received = through_stream(format_, explode(ANSWER), losses) if streamed else through_body(format_, ANSWER, losses)
        assert received.logprobs == ()
        assert [loss.field for loss in losses] == ["answer.logprobs"]


def test_bytes_are_those_of_the_token() -> None:
    body = json.loads(FORMATS["openai-chat"].encode_response(ANSWER, asked("openai-chat")))
    assert bytes(body["choices"][0]["logprobs"]["content"][1]["bytes"]).decode() == "’s 😀"


@pytest.mark.parametrize("chunks", [1, 2])
def test_geminis_tokens_come_with_their_chunks(chunks: int) -> None:
    def chunk(tokens: list[tuple[str, float]], **more: Any) -> bytes:
        result = {"chosenCandidates": [{"token": token, "logProbability": logprob} for token, logprob in tokens]}
        words = {"content": {"parts": [{"text": "".join(token for token, _ in tokens)}], "role": "model"}, "index": 0}
        return b"data: %b\r\n\r\n" % json.dumps({"candidates": [{**words, "logprobsResult": result, **more}], "responseId": "r"}).encode()

    pieces = [[("a", -1.0), ("b", -2.0)]] if chunks == 1 else [[("a", -1.0)], [("b", -2.0)]]
    data = b"".join(chunk(piece, **({"finishReason": "STOP"} if piece is pieces[-1] else {})) for piece in pieces)
    decoder = FORMATS["gemini"].stream_decoder()
    (*_, end) = [*decoder.feed(data), *decoder.close()]
    assert end.logprobs == (TokenLogprob("a", -1.0), TokenLogprob("b", -2.0))  # type: ignore[union-attr]


ASKED: dict[str, dict[str, Any]] = {
    "openai-chat": {"logprobs": True, "top_logprobs": 3},
    "openai-responses": {"top_logprobs": 3, "include": ["message.output_text.logprobs"]},
    "gemini": {"generationConfig": {"responseLogprobs": True, "logprobs": 3}},
}


@pytest.mark.parametrize("source", TELLING)
@pytest.mark.parametrize("target", TELLING)
def test_they_are_asked_for_in_the_vendors_words(source: str, target: str) -> None:
    body, losses = told(target, asked(source, **ASKED[source]))
    assert {name: body[name] for name in ASKED[target]} == ASKED[target]
    assert losses == []


@pytest.mark.parametrize("source", TELLING)
def test_claude_cannot_be_asked_for_them(source: str) -> None:
    assert told("anthropic", asked(source, **ASKED[source]))[1] == ["logprobs"]


@pytest.mark.parametrize(
    ("source", "members"),
    [
        ("openai-chat", {"logprobs": False}),
        ("openai-chat", {"logprobs": True}),
        ("openai-chat", {"top_logprobs": 0}),
        ("openai-chat", {"service_tier": "scale"}),
        ("openai-responses", {"top_logprobs": 0}),
        ("openai-responses", {"include": ["message.output_text.logprobs", "reasoning.encrypted_content"]}),
        ("openai-responses", {"service_tier": "auto"}),
        ("gemini", {"generationConfig": {"responseLogprobs": False, "logprobs": 1.0}}),
        ("gemini", {"generation_config": {"response_logprobs": True}}),
        ("gemini", {"service_tier": "FLEX"}),
        ("anthropic", {"service_tier": "standard_only"}),
        ("anthropic", {"service_tier": "sometime"}),
    ],
)
def test_the_vendor_itself_is_asked_in_its_clients_words(source: str, members: dict[str, Any]) -> None:
    assert told(source, asked(source, **members)) == ({**PLAIN[source], **members}, [])


# Service tiers


@pytest.mark.parametrize(
    ("source", "word", "target", "members", "lost"),
    [
        ("openai-chat", "flex", "openai-responses", {"service_tier": "flex"}, []),
        ("openai-chat", "flex", "gemini", {"serviceTier": "flex"}, []),
        ("openai-chat", "flex", "anthropic", {}, ["service_tier"]),
        ("openai-responses", "default", "anthropic", {"service_tier": "standard_only"}, []),
        ("openai-responses", "default", "gemini", {"serviceTier": "standard"}, []),
        ("openai-responses", "auto", "gemini", {}, []),
        ("openai-responses", "scale", "gemini", {}, ["service_tier"]),
        ("anthropic", "auto", "openai-chat", {}, []),
        ("anthropic", "standard_only", "openai-chat", {"service_tier": "default"}, []),
        ("anthropic", "standard_only", "gemini", {"serviceTier": "standard"}, []),
        ("anthropic", "sometime", "gemini", {}, ["service_tier"]),
        ("gemini", "PRIORITY", "openai-responses", {"service_tier": "priority"}, []),
        ("gemini", "standard", "anthropic", {"service_tier": "standard_only"}, []),
    ],
)
def test_a_tier_is_asked_for_in_the_vendors_words(source: str, word: str, target: str, members: dict[str, Any], lost: list[str]) -> None:
    request = asked(source, **{"serviceTier" if source == "gemini" else "service_tier": word})
    body, losses = told(target, request)
    assert {name: value for name, value in body.items() if name in ("service_tier", "serviceTier")} == members
    assert losses == lost


SERVED: dict[str, dict[str, Any]] = {
    "anthropic": {"usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "priority"}},
    "openai-chat": {"service_tier": "priority"},
    "openai-responses": {"service_tier": "priority"},
    "gemini": {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "serviceTier": "priority"}},
}


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_what_it_was_served_at_is_told_in_the_clients_words(source: str, target: str) -> None:
    body = json.dumps({**BODIES[source], **SERVED[source]}).encode()
    response = evolve(FORMATS[source].decode_response(body), created=1)
    assert response.service_tier == "priority"
    assert through_body(FORMATS[target], response).service_tier == "priority"
    assert through_stream(FORMATS[target], explode(response)).service_tier == "priority"


def test_tiers_that_nobody_else_has_are_missed_aloud() -> None:
    for target, tier in (("anthropic", "flex"), ("gemini", "scale")):
        for streamed in (False, True):
            losses, answer = Losses(), evolve(ANSWER, logprobs=(), service_tier=tier)
            format_ = FORMATS[target]
            received = through_stream(format_, explode(answer), losses) if streamed else through_body(format_, answer, losses)
            assert received.service_tier is None
            assert [loss.field for loss in losses] == ["answer.service_tier"]


def test_a_compatible_servers_word_is_nobodys() -> None:
    body = json.dumps({**BODIES["openai-chat"], "service_tier": "on_demand"}).encode()
    assert FORMATS["openai-chat"].decode_response(body).service_tier is None
