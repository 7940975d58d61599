"""Hosted tools between formats: asked for, shown, and handed back."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.hosted import Found, HostedKind, HostedStep, HostedTool, Location, Source
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Opaque, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import ChoiceMode, Request
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode, fold
from tests.core.test_sources import BODIES, REQUEST, changed, through_body, through_stream
from tests.strategies import JSON_VALUES

Body = dict[str, Any]
PLAIN: Mapping[str, Body] = {
    "anthropic": {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]},
    "openai-chat": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    "openai-responses": {"model": "m", "input": [{"role": "user", "content": "Hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}


def asked(source: str, **members: Any) -> Request:
    body = json.dumps({**PLAIN[source], **members}).encode()
    return FORMATS[source].decode_request(HTTPCall("POST", "/models/m:generateContent", body), Losses())


def told(target: str, request: Request, profile: Profile | None = None) -> tuple[Body, list[str]]:
    losses = Losses()
    call = FORMATS[target].encode_request(request, Profile() if profile is None else profile, losses)
    return json.loads(call.body), [loss.field for loss in losses]


# Asking

PLACE = {"type": "approximate", "city": "Bonn", "country": "DE"}
CLAUDES = {
    "type": "web_search_20250305",
    "name": "web_search",
    "max_uses": 8,
    "allowed_domains": ["example.com"],
    "user_location": PLACE,
}
"""As Claude Code's own search asks."""
FORCED = {"tools": [CLAUDES], "tool_choice": {"type": "tool", "name": "web_search"}}


def test_a_declaration_is_read_in_neutral_words() -> None:
    meaning = HostedTool(HostedKind.WEB_SEARCH, allowed_domains=("example.com",), location=Location(city="Bonn", country="DE"), max_uses=8)
    request = asked("anthropic", **FORCED)
    assert request.tools == (Opaque("anthropic", CLAUDES, meaning),)
    assert request.tool_choice is not None
    assert (request.tool_choice.mode, request.tool_choice.names) == (ChoiceMode.REQUIRED, ("web_search",))


def test_claude_codes_search_asks_responses_to_search() -> None:
    body, losses = told("openai-responses", asked("anthropic", **FORCED))
    assert body["tools"] == [{"type": "web_search", "filters": {"allowed_domains": ["example.com"]}, "user_location": PLACE}]
    assert body["tool_choice"] == "required"
    assert body["max_tool_calls"] == 8
    assert body["include"] == ["web_search_call.action.sources"]
    assert losses == []


def test_claude_codes_search_asks_gemini_to_search() -> None:
    body, losses = told("gemini", asked("anthropic", **FORCED))
    assert body["tools"] == [{"googleSearch": {}}]
    assert "toolConfig" not in body
    assert losses == ["tools[0].allowed_domains", "tools[0].location", "tools[0].max_uses", "tool_choice"]


def test_claude_codes_search_asks_a_chat_model_that_searches() -> None:
    body, losses = told("openai-chat", asked("anthropic", **FORCED))
    assert body["web_search_options"] == {"user_location": {"type": "approximate", "approximate": {"city": "Bonn", "country": "DE"}}}
    assert not {"tools", "tool_choice"} & body.keys()
    assert losses == ["tools[0].allowed_domains", "tools[0].max_uses"]


def test_a_model_that_cannot_search_is_not_asked_to() -> None:
    for target in ("openai-chat", "openai-responses", "gemini"):
        body, losses = told(target, asked("anthropic", **FORCED), Profile(web_search=False))
        assert not {"tools", "tool_choice", "web_search_options", "include"} & body.keys()
        assert "tools[0]" in losses


DECLARED: Mapping[HostedKind, Mapping[str, Body]] = {
    HostedKind.WEB_SEARCH: {
        "anthropic": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        "openai-chat": {"web_search_options": {}},
        "openai-responses": {"tools": [{"type": "web_search"}]},
        "gemini": {"tools": [{"googleSearch": {}}]},
    },
    HostedKind.CODE_EXECUTION: {
        "anthropic": {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        "openai-responses": {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        "gemini": {"tools": [{"codeExecution": {}}]},
    },
    HostedKind.WEB_FETCH: {
        "anthropic": {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]},
        "gemini": {"tools": [{"urlContext": {}}]},
    },
}


@pytest.mark.parametrize("kind", HostedKind)
@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_a_tool_that_both_vendors_have_is_the_others(kind: HostedKind, source: str, target: str) -> None:
    here, there = DECLARED[kind].get(source), DECLARED[kind].get(target)
    if here is None:
        return
    request = asked(source, **here)
    body, losses = told(target, request)
    if there is not None:
        assert {name: body[name] for name in there} == there
        assert losses == []
    elif kind is HostedKind.WEB_FETCH and target == "openai-responses":
        assert body["tools"] == [{"type": "web_search"}]
        assert losses == ["tools[0]"]
    else:
        assert "tools" not in body
        assert losses == ["tools[0]"]


@pytest.mark.parametrize("source", FORMATS)
def test_the_vendor_itself_is_asked_in_its_clients_words(source: str) -> None:
    members: Body = {
        "anthropic": {
            "tools": [{**CLAUDES, "cache_control": {"type": "ephemeral"}}],
            "tool_choice": {"type": "tool", "name": "web_search"},
        },
        "openai-chat": {"web_search_options": {"search_context_size": "low", "odd": 1}},
        "openai-responses": {
            "tools": [{"type": "web_search_preview", "search_context_size": "low", "odd": 1}],
            "tool_choice": {"type": "web_search_preview"},
        },
        "gemini": {"tools": [{"google_search": {"exclude_domains": ["example.com"]}}]},
    }[source]
    assert told(source, asked(source, **members)) == ({**PLAIN[source], **members}, [])


def test_settings_that_the_other_vendor_has_go_along() -> None:
    tool = {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": PLACE, "external_web_access": True}
    body, losses = told("anthropic", asked("openai-responses", tools=[tool]))
    assert body["tools"] == [
        {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.example"], "user_location": PLACE}
    ]
    assert losses == []
    body, losses = told("openai-responses", asked("openai-chat", web_search_options={"search_context_size": "low"}))
    assert body["tools"] == [{"type": "web_search", "search_context_size": "low"}]
    assert losses == []


def test_settings_that_it_has_not_are_lost_aloud() -> None:
    tool = {"type": "web_search", "search_context_size": "low", "external_web_access": False}
    assert told("anthropic", asked("openai-responses", tools=[tool]))[1] == [
        "tools[0].external_web_access",
        "tools[0].search_context_size",
    ]
    blocked = {**CLAUDES, "blocked_domains": ["bad.example"]}
    del blocked["allowed_domains"]
    assert told("openai-responses", asked("anthropic", tools=[blocked]))[1] == ["tools[0].blocked_domains"]


def test_searching_and_reading_pages_are_one_tool_of_responses() -> None:
    fetch = {"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 2}
    body, losses = told("openai-responses", asked("anthropic", tools=[CLAUDES, fetch]))
    assert [tool["type"] for tool in body["tools"]] == ["web_search"]
    assert losses == ["tools[1]"]


FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}, "strict": False}


def test_a_choice_can_be_of_a_hosted_tool_among_others() -> None:
    request = asked("anthropic", tools=[CLAUDES, {"name": "f", "input_schema": FUNCTION["parameters"]}], tool_choice=FORCED["tool_choice"])
    body, _ = told("openai-responses", request)
    assert body["tool_choice"] == {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}
    back, _ = told("anthropic", asked("openai-responses", tools=[FUNCTION, {"type": "web_search"}], tool_choice=body["tool_choice"]))
    assert back["tool_choice"] == {"type": "any"}
    assert [tool["name"] for tool in back["tools"]] == ["web_search"]
    named = {"type": "web_search_preview"}
    back, _ = told("anthropic", asked("openai-responses", tools=[FUNCTION, {"type": "web_search"}], tool_choice=named))
    assert back["tool_choice"] == {"type": "tool", "name": "web_search"}


def test_a_choice_of_a_tool_that_did_not_come_along_is_none() -> None:
    request = asked("openai-responses", tools=[FUNCTION, {"type": "web_search"}], tool_choice={"type": "web_search_preview"})
    body, losses = told("anthropic", request, Profile(web_search=False))
    assert "tool_choice" not in body
    assert losses == ["tools[1]", "tool_choice"]


def test_gemini_models_that_take_no_functions_beside_them_get_the_functions() -> None:
    request = asked("openai-responses", tools=[FUNCTION, {"type": "web_search"}])
    both, losses = told("gemini", request)
    assert [next(iter(tool)) for tool in both["tools"]] == ["functionDeclarations", "googleSearch"]
    assert losses == []
    one, losses = told("gemini", request, Profile(hosted_beside_functions=False))
    assert [next(iter(tool)) for tool in one["tools"]] == ["functionDeclarations"]
    assert losses == ["tools[1]"]
    alone, _ = told("gemini", asked("openai-responses", tools=[{"type": "web_search"}]), Profile(hosted_beside_functions=False))
    assert alone["tools"] == [{"googleSearch": {}}]


# Answering


def answered(source: str, **members: Any) -> Response:
    body = {**BODIES[source], **members}
    return evolve(FORMATS[source].decode_response(json.dumps(body).encode()), created=1)


def claude(*blocks: Body) -> Response:
    return answered("anthropic", content=list(blocks))


def responses(*items: Body) -> Response:
    return answered("openai-responses", output=[*items, *BODIES["openai-responses"]["output"]])


def gemini(*parts: Body, **members: Any) -> Response:
    (candidate,) = BODIES["gemini"]["candidates"]
    beside = {"groundingMetadata": {}, **members}
    return answered("gemini", candidates=[{**candidate, "content": {"role": "model", "parts": list(parts)}, **beside}])


SAID = {"type": "text", "text": "Sunny."}
USED = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "weather"}}
RESULT = {"type": "web_search_result", "url": "https://example.com/a", "title": "Weather", "encrypted_content": "Eo8", "page_age": None}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [RESULT]}
SEARCHED = claude(USED, FOUND, SAID)
CALL = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "weather", "queries": ["weather"], "sources": [{"type": "url", "url": "https://example.com/a"}]},
}
CODE = {
    "type": "code_interpreter_call",
    "id": "ci_1",
    "status": "completed",
    "code": "print(1)",
    "container_id": "cntr_1",
    "outputs": [{"type": "logs", "logs": "1\n"}],
}
RAN = claude(
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "print(1)"}},
    {
        "type": "code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "code_execution_result", "stdout": "1\n", "stderr": "", "return_code": 0, "content": []},
    },
    SAID,
)


def steps(response: Response) -> list[HostedStep]:
    """What hosted tools did, the halves of each step joined, without the ids."""
    found: list[HostedStep] = []
    for part in response.parts:
        if isinstance(part, Opaque) and isinstance(step := part.meaning, HostedStep):
            if step.asked is None:
                found[-1] = evolve(found[-1], found=step.found)
            else:
                found.append(evolve(step, call_id=""))
    return found


def test_a_search_is_read_in_neutral_words_from_every_vendor() -> None:
    sources = (Source("https://example.com/a", "Weather"),)
    assert steps(SEARCHED) == [HostedStep(HostedKind.WEB_SEARCH, "", ("weather",), Found(sources))]
    assert steps(responses(CALL)) == [HostedStep(HostedKind.WEB_SEARCH, "", ("weather",), Found((Source("https://example.com/a"),)))]
    grounded = gemini(
        {"text": "Sunny."},
        groundingMetadata={
            "webSearchQueries": ["", "weather"],
            "groundingChunks": [{"web": {"uri": "https://example.com/a", "title": "Weather"}}],
        },
    )
    assert steps(grounded) == [HostedStep(HostedKind.WEB_SEARCH, "", ("weather",), Found(sources))]


ANSWERS: Mapping[str, tuple[Response, HostedKind, str]] = {
    "anthropic": (SEARCHED, HostedKind.WEB_SEARCH, "weather"),
    "openai-responses": (responses(CALL), HostedKind.WEB_SEARCH, "weather"),
    "gemini": (
        gemini(
            {"text": "Sunny."},
            groundingMetadata={
                "webSearchQueries": ["weather"],
                "groundingChunks": [{"web": {"uri": "https://example.com/a", "title": "W"}}],
            },
        ),
        HostedKind.WEB_SEARCH,
        "weather",
    ),
    "anthropic code": (RAN, HostedKind.CODE_EXECUTION, "print(1)"),
    "openai-responses code": (
        responses(CODE),
        HostedKind.CODE_EXECUTION,
        "print(1)",
    ),
    "gemini code": (
        gemini(
            {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
            {"text": "Sunny."},
        ),
        HostedKind.CODE_EXECUTION,
        "print(1)",
    ),
}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_tool_did_is_shown_in_the_clients_own_way(name: str, target: str) -> None:
    response, kind, words = ANSWERS[name]
    for streamed in (False, True):
        losses = Losses()
        received = (
            through_stream(FORMATS[target], explode(response), losses) if streamed else through_body(FORMATS[target], response, losses)
        )
        assert "".join(part.text for part in received.parts if isinstance(part, Text)) == "".join(
            part.text for part in response.parts if isinstance(part, Text)
        )
        if target == "openai-chat":
            assert steps(received) == []
            assert [loss.field for loss in losses] == [f"answer.{kind.value}"]
            continue
        (step,) = steps(received)
        assert (step.kind, step.asked) == (kind, (words,))
        assert step.found is not None
        if kind is HostedKind.CODE_EXECUTION:
            assert step.found == Found(output="1\n")
        else:
            assert "https://example.com/a" in [source.url for source in step.found.sources]
        assert not losses


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_shows_what_the_body_shows(name: str, target: str) -> None:
    response = ANSWERS[name][0]
    by_body, by_stream = through_body(FORMATS[target], response), through_stream(FORMATS[target], explode(response))
    assert steps(by_body) == steps(by_stream)


def test_a_search_that_tells_no_findings_shows_what_the_answer_cites() -> None:
    bare = {**CALL, "action": {"type": "search", "query": "weather"}}
    body = json.loads(FORMATS["anthropic"].encode_response(responses(bare), REQUEST))
    use, *_, result = body["content"]
    assert (use["type"], use["input"], result["type"]) == ("server_tool_use", {"query": "weather"}, "web_search_tool_result")
    assert result["tool_use_id"] == use["id"]
    assert [(each["url"], each["title"]) for each in result["content"]] == [("https://example.com/a", "Weather")]
    streamed = through_stream(FORMATS["anthropic"], explode(responses(bare)))
    assert steps(streamed) == steps(FORMATS["anthropic"].decode_response(json.dumps(body).encode()))


def test_a_search_that_failed_is_shown_as_failed() -> None:
    failed = {**FOUND, "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}}
    received = through_body(FORMATS["openai-responses"], claude(USED, failed, SAID))
    assert steps(received)[0].found == Found(error="failed")
    back = json.loads(FORMATS["anthropic"].encode_response(received, REQUEST))  # written by its own format
    assert back["content"][1]["content"] == {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    empty = {**CALL, "status": "failed", "action": {**CALL["action"], "sources": []}}
    assert steps(responses(empty))[0].found == Found(error="failed")


def test_a_page_that_was_read_is_an_opened_page_and_claude_would_want_the_page() -> None:
    page = {"type": "web_fetch_result", "url": "https://example.com/p", "content": {"type": "document", "title": "P", "source": {}}}
    fetched = claude(
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_fetch", "input": {"url": "https://example.com/p"}},
        {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_1", "content": page},
        SAID,
    )
    body = json.loads(FORMATS["openai-responses"].encode_response(fetched, REQUEST))
    assert body["output"][0]["action"] == {"type": "open_page", "url": "https://example.com/p"}
    (candidate,) = json.loads(FORMATS["gemini"].encode_response(fetched, REQUEST))["candidates"]
    assert candidate["urlContextMetadata"]["urlMetadata"][0]["retrievedUrl"] == "https://example.com/p"
    losses = Losses()
    opened = through_body(FORMATS["openai-responses"], fetched)
    assert steps(through_body(FORMATS["anthropic"], opened, losses)) == []
    assert [loss.field for loss in losses] == ["answer.web_fetch"]


def test_a_page_that_could_not_be_read_is_told_as_such() -> None:
    def read(number: int, content: Body) -> list[Body]:
        call, address = f"srvtoolu_{number}", f"https://example.com/{number}"
        return [
            {"type": "server_tool_use", "id": call, "name": "web_fetch", "input": {"url": address}},
            {"type": "web_fetch_tool_result", "tool_use_id": call, "content": content},
        ]

    page = {"type": "web_fetch_result", "url": "https://example.com/1", "content": {"type": "document", "title": "P", "source": {}}}
    error = {"type": "web_fetch_tool_result_error", "error_code": "url_not_accessible"}
    fetched = claude(*read(1, page), *read(2, error), SAID)
    for received in (through_body(FORMATS["gemini"], fetched), through_stream(FORMATS["gemini"], explode(fetched))):
        told = [(step.asked, step.found is not None and step.found.error is None) for step in steps(received)]
        assert told == [(("https://example.com/1",), True), (("https://example.com/2",), False)]


def test_a_tool_of_no_other_vendors_is_missed_aloud() -> None:
    memory = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "x", "server_name": "y", "input": {}}
    for target in ("openai-chat", "openai-responses", "gemini"):
        for streamed in (False, True):
            losses, response = Losses(), claude(memory, SAID)
            format_ = FORMATS[target]
            received = through_stream(format_, explode(response), losses) if streamed else through_body(format_, response, losses)
            assert [type(part) for part in received.parts] == [Text]
            assert [loss.field for loss in losses] == ["answer.mcp_tool_use"]


def test_searches_side_by_side_are_joined_with_their_own_findings() -> None:
    second = {**USED, "id": "srvtoolu_2", "input": {"query": "wind"}}
    other = {**FOUND, "tool_use_id": "srvtoolu_2", "content": []}
    for streamed in (False, True):
        response, format_ = claude(USED, second, other, FOUND, SAID), FORMATS["openai-responses"]
        received = through_stream(format_, explode(response)) if streamed else through_body(format_, response)
        assert [(step.asked, len((step.found or Found()).sources)) for step in steps(received)] == [(("wind",), 0), (("weather",), 1)]


def test_the_words_around_a_search_are_messages_of_their_own() -> None:
    response = claude({"type": "text", "text": "Let me look."}, USED, FOUND, SAID)
    output = json.loads(FORMATS["openai-responses"].encode_response(response, REQUEST))["output"]
    assert [item["type"] for item in output] == ["message", "web_search_call", "message"]
    streamed = through_stream(FORMATS["openai-responses"], explode(response))
    assert [type(part) for part in streamed.parts] == [Text, Opaque, Text]
    assert fold(explode(streamed)) == streamed


ODD: Mapping[str, tuple[Body, tuple[str, ...]]] = {
    "anthropic": ({**BODIES["anthropic"], "content": [USED, FOUND, SAID]}, ("input", "content", "url", "title", "query", "tool_use_id")),
    "openai-responses": (
        {**BODIES["openai-responses"], "output": [CALL, CODE, *BODIES["openai-responses"]["output"]]},
        ("action", "query", "queries", "sources", "url", "code", "outputs", "logs"),
    ),
    "gemini": (
        BODIES["gemini"]
        | {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"codeExecutionResult": {"outcome": "OUTCOME_OK"}}, {"text": "Sunny."}]},
                    "finishReason": "STOP",
                    "groundingMetadata": {"webSearchQueries": ["x"], "groundingChunks": [{"web": {"uri": "https://a.example"}}]},
                    "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "https://a.example"}]},
                }
            ]
        },
        ("codeExecutionResult", "outcome", "webSearchQueries", "groundingChunks", "web", "uri", "urlMetadata", "retrievedUrl"),
    ),
}


@pytest.mark.parametrize("source", ODD)
@given(st.data())
@settings(max_examples=60)
def test_what_makes_no_sense_spoils_no_answer(source: str, data: st.DataObject) -> None:
    body, names = ODD[source]
    chosen = data.draw(st.sets(st.sampled_from(names), min_size=1))
    said = [part for part in FORMATS[source].decode_response(json.dumps(body).encode()).parts if isinstance(part, Text)]
    odd = {name: data.draw(JSON_VALUES) for name in chosen}
    changed_body = {**body, "content": [*changed([USED, FOUND], odd), SAID]} if source == "anthropic" else changed(body, odd)
    response = evolve(FORMATS[source].decode_response(json.dumps(changed_body).encode()), created=1)
    for target in FORMATS.values():
        for received in (through_body(target, response), through_stream(target, explode(response))):
            words = "".join(part.text for part in received.parts if isinstance(part, Text))
            assert words == "".join(part.text for part in said)


@given(st.data())
@settings(max_examples=60)
def test_settings_that_make_no_sense_are_nobodys_fault(data: st.DataObject) -> None:
    """The vendor is the one to refuse them."""
    names = ("max_uses", "allowed_domains", "blocked_domains", "user_location", "city", "filters", "search_context_size", "container")
    odd = {name: data.draw(JSON_VALUES) for name in data.draw(st.sets(st.sampled_from(names), min_size=1))}
    for source, tool in (("anthropic", CLAUDES), ("openai-responses", {"type": "web_search"})):
        request = asked(source, tools=[{**tool, **odd}])
        assert told(source, request)[0]["tools"] == json.loads(json.dumps([{**tool, **odd}]))
        for target in FORMATS:
            told(target, request)


# Handing back


def test_what_another_vendor_found_never_goes_to_claude_as_its_own() -> None:
    shown = json.loads(FORMATS["anthropic"].encode_response(responses(CALL), REQUEST))["content"]
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": shown}, {"role": "user", "content": "Go on"}]
    request = asked("anthropic", messages=history)
    body, losses = told("anthropic", request)
    assert {block["type"] for block in body["messages"][1]["content"]} == {"text"}
    assert not any("citations" in block for block in body["messages"][1]["content"])
    assert losses == ["messages[1].content[0]", "messages[1].content[1]", "messages[1].content[3].citations"]
    assert b"ccp1seal" in json.dumps(history).encode()  # which keeps the conversation from being passed on as it is


def test_a_turn_of_nothing_but_that_is_left_out() -> None:
    shown = json.loads(FORMATS["anthropic"].encode_response(responses(CALL), REQUEST))["content"][:2]
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": shown}, {"role": "user", "content": "Go on"}]
    body, _ = told("anthropic", asked("anthropic", messages=history))
    assert [message["role"] for message in body["messages"]] == ["user", "user"]


def test_claudes_own_search_goes_back_to_it_byte_for_byte() -> None:
    history = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [USED, FOUND, SAID]},
        {"role": "user", "content": "Go on"},
    ]
    body, losses = told("anthropic", asked("anthropic", messages=history))
    assert body["messages"] == history
    assert losses == []


@pytest.mark.parametrize("target", ["openai-chat", "openai-responses", "gemini"])
def test_a_turn_with_sources_goes_on_with_another_vendor(target: str) -> None:
    cited = BODIES["anthropic"]["content"]
    history = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [USED, FOUND, *cited]},
        {"role": "user", "content": "Go on"},
    ]
    body, losses = told(target, asked("anthropic", messages=history))
    assert "Very." in json.dumps(body, ensure_ascii=False)
    assert "srvtoolu" not in json.dumps(body)
    assert losses == ["messages[1].content[0]", "messages[1].content[1]", "messages[1].content[3].citations"]
