"""Requests as clients write them: what they mean, and that they are written again as they were."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats._wirekit import snake_case
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.formats.gemini.parts import STAND_IN, encode_part
from ccproxy_cli.core.hosted import HostedKind, HostedStep
from ccproxy_cli.core.parts import FileRef, Inline, Link, Media, MediaKind, Opaque, Proof, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import ChoiceMode, OutputKind, Request, Role, Thinking, ThinkingMode, Tool, ToolChoice
from tests.core.formats.gemini.asking import STREAM_PATH, body_of, call_of, decoded, decoded_parts, written
from tests.strategies import JSON_VALUES

SCHEMA = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}, "required": ["a"]}
BODIES: dict[str, dict[str, Any]] = {
    "nothing else": {},
    "one content without a list": {"contents": {"parts": [{"text": "hi"}]}},
    "one part without a list": {"contents": [{"role": "user", "parts": {"text": "hi"}}]},
    "no role": {"contents": [{"parts": [{"text": "hi"}]}]},
    "no parts": {"contents": [{"role": "user"}]},
    "the old role of results": {"contents": [{"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}]},
    "system with a role": {"systemInstruction": {"role": "system", "parts": [{"text": "be"}, {"text": "brief"}]}},
    "system of one part": {"systemInstruction": {"parts": {"text": ""}}},
    "empty system": {"systemInstruction": {}},
    "tools": {
        "tools": [
            {"functionDeclarations": [{"name": "f", "parameters": SCHEMA}, {"name": "g", "parametersJsonSchema": {"type": "object"}}]},
            {"googleSearch": {}, "functionDeclarations": [{"name": "h", "description": None, "behavior": "BLOCKING"}]},
            {},
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, "retrievalConfig": {"a": 1}},
    },
    "tools without a list": {"tools": {"functionDeclarations": [{"name": "f"}]}, "toolConfig": {}},
    "no tools": {"tools": []},
    "a mode as a number": {"toolConfig": {"functionCallingConfig": {"mode": 2}}},
    "a mode in small letters": {"toolConfig": {"functionCallingConfig": {"mode": "any", "allowedFunctionNames": []}}},
    "no mode": {"toolConfig": {"functionCallingConfig": {}}},
    "generation": {
        "generationConfig": {
            "temperature": 0.5,
            "topP": 1,
            "topK": 40.0,
            "maxOutputTokens": 100.0,
            "seed": 3,
            "stopSequences": ["x"],
            "candidateCount": 1,
            "presencePenalty": 0.1,
            "frequencyPenalty": -1,
            "responseModalities": ["TEXT"],
            "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024.0, "new": 1},
            "logprobs": 3,
        }
    },
    "empty generation": {"generationConfig": {}},
    "a level": {"generationConfig": {"thinkingConfig": {"thinkingLevel": "high", "includeThoughts": False}}},
    "thoughts shown, no more": {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    "no level": {"generationConfig": {"thinkingConfig": {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED", "thinkingBudget": -1}}},
    "the older schema": {"generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA}},
    "both schemas": {
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA, "responseJsonSchema": {"type": "object"}}
    },
    "a schema without its type": {"generationConfig": {"responseJsonSchema": {"type": "object"}}},
    "any JSON": {"generationConfig": {"responseMimeType": "application/json"}},
    "plain text": {"generationConfig": {"responseMimeType": "text/plain"}},
    "a word of a list": {"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}},
    "the rest": {
        "safetySettings": [{"category": "x", "threshold": "y"}],
        "labels": {"a": "b"},
        "cachedContent": "cachedContents/1",
        "model": "models/gemini-x",
        "newMember": {"a": [1]},
    },
}
PARTS: list[dict[str, Any]] = [
    {"text": ""},
    {"text": "a", "thought": False},
    {"text": "a", "thought": True, "thoughtSignature": "c2ln"},
    {"text": "", "thoughtSignature": "c2ln"},
    {"thoughtSignature": "c2ln"},
    {"text": "a", "thoughtSignature": ""},
    {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"},
    {"thought": True},
    {},
    {"text": None, "functionCall": {"name": "f", "args": {"a": 1.0, "b": 2**60}}},
    {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"},
    {"functionCall": {"name": "f", "args": {}, "id": "1", "new": 1}, "thought": True},
    {"functionCall": {"name": "f", "id": ""}},
    {"inlineData": {"mimeType": "image/png", "data": "iVBO-_"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
    {"inlineData": {"mimeType": "image/png", "data": "iVBO"}, "thoughtSignature": "c2ln"},
    {"inlineData": {"data": "iVBO", "displayName": "cat"}},
    {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}, "videoMetadata": {"fps": 2.5}},
    {"fileData": {"fileUri": "https://youtu.be/abc"}},
    {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    {"toolCall": {"tool_type": "X", "id": "1"}},
    {"text": "a", "inlineData": {"mimeType": "image/png", "data": "iVBO"}},
    {"text": "a", "partMetadata": {"a": 1}},
    {"functionResponse": {"name": "f", "response": {"output": "x"}}},
    {"functionResponse": {"name": "f", "id": "9", "response": {"result": {"a": [1.0]}, "b": None}, "willContinue": False}},
    {
        "functionResponse": {
            "name": "f",
            "response": {"error": "no"},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}, {}],
        }
    },
    {"functionResponse": {"name": "f", "parts": []}},
]


def snaked(value: Any) -> Any:
    """The body with every member in snake_case, but for what belongs to the user."""
    if isinstance(value, list):
        return [snaked(item) for item in value]
    if not isinstance(value, dict):
        return value
    raw = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels")
    return {snake_case(name): member if name in raw else snaked(member) for name, member in value.items()}


@pytest.mark.parametrize("spelled", [dict, snaked], ids=["camelCase", "snake_case"])
@pytest.mark.parametrize("members", BODIES.values(), ids=BODIES)
def test_a_request_is_written_as_it_was_read(members: dict[str, Any], spelled: Any) -> None:
    body = spelled(body_of(**members))
    request = FORMAT.decode_request(call_of(body), Losses())
    losses = Losses()
    assert written(request, Profile(call_signatures=True, max_output=1), losses) == body
    assert not list(losses)


@pytest.mark.parametrize("spelled", [dict, snaked], ids=["camelCase", "snake_case"])
@pytest.mark.parametrize("part", PARTS, ids=[json.dumps(part)[:60] for part in PARTS])
@pytest.mark.parametrize("role", ["user", "model"])
def test_a_part_is_written_as_it_was_read(part: dict[str, Any], role: str, spelled: Any) -> None:
    body = spelled(body_of(contents=[{"role": role, "parts": [part, {"text": "more"}]}]))
    assert written(FORMAT.decode_request(call_of(body), Losses())) == body


@given(st.dictionaries(st.text(max_size=4).map("x".__add__), JSON_VALUES, max_size=3))
def test_unknown_members_ride_along_on_every_level(unknown: dict[str, Any]) -> None:
    body = {
        **unknown,
        "contents": [{**unknown, "parts": [{"text": "a"}, {"functionCall": {**unknown, "name": "f"}}]}],
        "systemInstruction": {**unknown, "parts": [{"text": "b"}]},
        "tools": [{"functionDeclarations": [{**unknown, "name": "f"}]}],
        "toolConfig": {**unknown, "functionCallingConfig": {**unknown, "mode": "AUTO"}},
        "generationConfig": {**unknown, "thinkingConfig": {**unknown, "thinkingBudget": 5}},
    }
    assert written(FORMAT.decode_request(call_of(body), Losses())) == body


# What it means


def test_the_path_tells_model_and_stream() -> None:
    request = FORMAT.decode_request(call_of(body_of(), "/models/publishers/google/models/g-1:streamGenerateContent", "alt=sse"), Losses())
    assert (request.model, request.stream) == ("publishers/google/models/g-1", True)
    call = FORMAT.encode_request(request, Profile(), Losses())
    assert (call.path, call.query) == ("/publishers/google/models/g-1:streamGenerateContent", "alt=sse")


def test_parts_mean_what_they_say() -> None:
    signed = (Proof("gemini", "c2ln"),)
    found = decoded_parts(
        {"text": "why", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "", "thought_signature": "c2ln"},
        {"functionCall": {"name": "f", "id": "1", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
        {"executableCode": {"code": "1"}},
        role="model",
    )
    why, empty, call, code = found
    assert why == Reasoning("why", signed)
    assert isinstance(empty, Text)
    assert (empty.text, empty.proofs) == ("", signed)
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.name, call.arguments, call.proofs) == ("1", "f", '{"a":1}', signed)
    assert code == Opaque("gemini", {"executableCode": {"code": "1"}}, HostedStep(HostedKind.CODE_EXECUTION, asked=("1",)))
    assert isinstance(code, Opaque)
    assert code.type == "executableCode"


@pytest.mark.parametrize("word", ["skip_thought_signature_validator", STAND_IN, ""])
def test_a_signature_that_signs_nothing_is_no_proof(word: str) -> None:
    (call,) = decoded_parts({"functionCall": {"name": "f"}, "thoughtSignature": word}, role="model")
    assert isinstance(call, ToolCall)
    assert call.proofs == ()
    losses = Losses()
    losses.add_foreign(call.extras, "another", "")
    assert not list(losses)


@pytest.mark.parametrize(
    ("part", "kind", "source"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": "a-_b"}}, MediaKind.IMAGE, Inline("image/png", "a+/b")),
        ({"inlineData": {"mimeType": "application/pdf", "data": "AA"}}, MediaKind.DOCUMENT, Inline("application/pdf", "AA")),
        ({"inlineData": {"mimeType": "audio/wav", "data": "AA"}}, MediaKind.AUDIO, Inline("audio/wav", "AA")),
        ({"fileData": {"fileUri": "gs://a/b.mp4", "mimeType": "video/mp4"}}, MediaKind.VIDEO, FileRef("gemini", "gs://a/b.mp4")),
        ({"fileData": {"fileUri": "https://x.org/a.JPG?b#c"}}, MediaKind.IMAGE, Link("https://x.org/a.JPG?b#c")),
        ({"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}}, MediaKind.VIDEO, Link("https://www.youtube.com/watch?v=1")),
    ],
)
def test_media_have_kinds_and_places(part: dict[str, Any], kind: MediaKind, source: object) -> None:
    (media,) = decoded_parts(part)
    assert isinstance(media, Media)
    assert (media.kind, media.source) == (kind, source)


@pytest.mark.parametrize(
    ("response", "text", "failed"),
    [
        ({"output": "x"}, "x", None),
        ({"return_value": "x"}, "x", None),
        ({"error": "x"}, "x", True),
        ({"error": {"code": 1}}, '{"error":{"code":1}}', True),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', None),
        ({"a": "x", "b": 1}, '{"a":"x","b":1}', None),
    ],
)
def test_a_response_is_its_text(response: dict[str, Any], text: str, failed: bool | None) -> None:
    (result,) = decoded_parts({"functionResponse": {"name": "f", "id": "1", "response": response}})
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.name, result.parts, result.is_error) == ("1", "f", (Text(text),), failed)


def test_a_result_must_name_its_function() -> None:
    with pytest.raises(BadRequest, match="'c1'") as caught:
        encode_part(ToolResult("c1", (Text("x"),)), "contents[0].parts[0]")
    assert caught.value.param == "contents[0].parts[0]"


def ids_of(request: Request) -> list[str]:
    return [part.call_id for message in request.messages for part in message.parts if isinstance(part, ToolCall | ToolResult)]


def turn(*names: str, **ids: str) -> list[dict[str, Any]]:
    """A turn of calls and one of their results in another order."""
    calls = [{"functionCall": {"name": name, "args": {}, **({"id": ids[name]} if name in ids else {})}} for name in names]
    results = [
        {"functionResponse": {"name": name, "response": {}, **({"id": ids[name]} if name in ids else {})}} for name in reversed(names)
    ]
    return [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]


def test_calls_without_ids_pair_with_their_results_by_order_and_name() -> None:
    contents = [{"role": "user", "parts": [{"text": "go"}]}, *turn("f", "g"), *turn("f", "f")]
    first, second, third, fourth, *rest = ids_of(decoded(contents=contents))
    assert (third, fourth) == (second, first)
    assert rest == [rest[0], rest[1], rest[0], rest[1]]
    assert len({first, second, *rest}) == 4


def test_ids_of_their_own_count_before_names() -> None:
    assert ids_of(decoded(contents=turn("f", "g", f="1", g="2"))) == ["1", "2", "2", "1"]
    contents = turn("read_file", read_file="a1")
    contents[1]["parts"][0]["functionResponse"]["id"] = "read_file__a1"
    request = decoded(contents=contents)
    assert ids_of(request) == ["a1", "a1"]
    assert written(request)["contents"] == contents


@given(st.lists(st.lists(st.sampled_from("fgh"), min_size=1, max_size=3), min_size=1, max_size=4))
def test_made_up_ids_stay_the_same_as_the_conversation_grows(turns: list[list[str]]) -> None:
    contents = [content for names in turns for content in turn(*names)]
    ids = ids_of(decoded(contents=contents))
    for end in range(1, len(contents)):
        earlier = ids_of(decoded(contents=contents[:end]))
        assert earlier == ids[: len(earlier)]
    assert len(set(ids)) == len(ids) / 2


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "ANY"}, ToolChoice(ChoiceMode.REQUIRED)),
        ({"mode": "NONE"}, ToolChoice(ChoiceMode.NONE)),
        ({"mode": "AUTO"}, ToolChoice(ChoiceMode.AUTO)),
        ({"mode": "VALIDATED"}, ToolChoice(ChoiceMode.AUTO)),
        ({}, ToolChoice(ChoiceMode.AUTO)),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice(ChoiceMode.REQUIRED, ("f",))),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice(ChoiceMode.REQUIRED, ("f", "g"), subset=True)),
        ({"mode": "ANY", "allowedFunctionNames": ["h", "g", "f"]}, ToolChoice(ChoiceMode.REQUIRED)),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice(ChoiceMode.AUTO, ("f",), subset=True)),
        ({"mode": "AUTO", "allowedFunctionNames": ["f"]}, ToolChoice(ChoiceMode.AUTO)),
    ],
)
def test_calling_modes(config: dict[str, Any], choice: ToolChoice) -> None:
    tools = [{"functionDeclarations": [{"name": name} for name in "fgh"]}]
    found = decoded(tools=tools, toolConfig={"functionCallingConfig": config}).tool_choice
    assert found is not None
    assert (found.mode, found.names, found.subset) == (choice.mode, choice.names, choice.subset)


def test_functions_have_json_schemas_in_whichever_dialect_they_came() -> None:
    tools = decoded(tools=[{"functionDeclarations": [{"name": "f", "parameters": SCHEMA}], "googleSearch": {}}]).tools
    assert tools is not None
    function, hosted = tools
    assert isinstance(function, Tool)
    assert function.parameters == {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    assert isinstance(hosted, Opaque)
    assert hosted.type == "googleSearch"


@pytest.mark.parametrize(
    ("config", "thinking"),
    [
        ({"thinkingBudget": 0, "includeThoughts": False}, Thinking(ThinkingMode.DISABLED)),
        ({"thinkingBudget": -1}, Thinking(ThinkingMode.ADAPTIVE)),
        ({"thinkingBudget": 512, "includeThoughts": True}, Thinking(ThinkingMode.BUDGET, 512, display="summarized")),
        ({"thinkingLevel": "MINIMAL", "includeThoughts": False}, Thinking(effort="minimal", display="omitted")),
        ({"includeThoughts": True}, None),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
    ],
)
def test_thinking_in_the_clients_own_words(config: dict[str, Any], thinking: Thinking | None) -> None:
    found = decoded(generationConfig={"thinkingConfig": config}).thinking
    if thinking is None:
        assert found is None
    else:
        assert found is not None
        assert (found.mode, found.budget, found.effort, found.display) == (
            thinking.mode,
            thinking.budget,
            thinking.effort,
            thinking.display,
        )


def test_the_answers_shape() -> None:
    output = decoded(generationConfig={"responseMimeType": "application/json", "responseSchema": SCHEMA}).output
    assert output is not None
    assert output.kind is OutputKind.JSON_SCHEMA
    assert output.schema == {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    anything = decoded(generationConfig={"response_mime_type": "application/json"}).output
    assert anything is not None
    assert anything.kind is OutputKind.JSON_OBJECT


def test_a_content_without_a_role_is_the_users() -> None:
    assert decoded(contents=[{"parts": [{"text": "a"}]}]).messages[0].role is Role.USER


def test_members_that_say_nothing_are_no_loss() -> None:
    losses = Losses()
    request = decoded(generationConfig={"responseModalities": ["TEXT"], "candidateCount": 1}, model="models/gemini-x")
    losses.add_foreign(request.extras, "another", "")
    assert not list(losses)


def test_a_prompt_kept_at_the_vendor_goes_nowhere_else() -> None:
    request = decoded(cachedContent="cachedContents/1")
    with pytest.raises(BadRequest, match="cachedContent"):
        Losses().add_foreign(request.extras, "another", "")


# Bad input

BAD: list[tuple[Any, str | None]] = [
    ({"contents": []}, "contents"),
    ({"contents": ...}, "contents"),
    ({"contents": "hi"}, "contents"),
    ({"contents": [{"role": "system", "parts": [{"text": "a"}]}]}, "contents[0].role"),
    ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
    ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
    ({"contents": [{"parts": [{"function_call": {"name": ""}}]}]}, "contents[0].parts[0].function_call.name"),
    ({"contents": [{"parts": [{"functionCall": {"name": "f", "args": "x"}}]}]}, "contents[0].parts[0].functionCall.args"),
    ({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": []}}]}]}, "contents[0].parts[0].functionResponse.response"),
    ({"contents": [{"parts": [{"functionResponse": {"response": {}}}]}]}, "contents[0].parts[0].functionResponse.name"),
    ({"contents": [{"parts": [{"inline_data": {"mime_type": 5}}]}]}, "contents[0].parts[0].inline_data.mime_type"),
    ({"contents": [{"parts": [{"inlineData": {"data": "a"}, "inline_data": {}}]}]}, None),
    ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
    ({"tools": [{"function_declarations": [{"name": "f", "parameters": 3}]}]}, "tools[0].function_declarations[0].parameters"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}}, "toolConfig.functionCallingConfig.mode"),
    ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
    ({"generation_config": {"max_output_tokens": "many"}}, "generation_config.max_output_tokens"),
    ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
    ({"generationConfig": {"thinkingConfig": {"thinkingBudget": -2}}}, "generationConfig.thinkingConfig.thinkingBudget"),
    ({"generationConfig": {"responseJsonSchema": "x"}}, "generationConfig.responseJsonSchema"),
    ({"$spelled": []}, None),
]


@pytest.mark.parametrize(("members", "path"), BAD, ids=[json.dumps(members, default=str)[:70] for members, _ in BAD])
def test_bad_input_is_named_as_the_client_wrote_it(members: dict[str, Any], path: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(**members)
    if path is not None:
        assert caught.value.param == path
        assert path in caught.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    call = call_of({})
    with pytest.raises(BadRequest):
        FORMAT.decode_request(type(call)("POST", STREAM_PATH, body), Losses())


@given(JSON_VALUES)
def test_any_json_is_read_or_refused(value: object) -> None:
    for body in (value, {"contents": value}, {"contents": [{"parts": [value]}]}, body_of(generationConfig=value, tools=value)):
        try:
            request = FORMAT.decode_request(call_of(body), Losses())
        except BadRequest:
            continue
        assert written(request) == body


# Counting


@pytest.mark.parametrize(
    "body",
    [
        body_of(),
        body_of(tools=[{"googleSearch": {}}], generationConfig={}),
        {"generateContentRequest": {"model": "models/gemini-x", **body_of(systemInstruction={"parts": {"text": "a"}})}},
    ],
)
def test_count_requests_are_written_as_they_were_read(body: dict[str, Any]) -> None:
    assert FORMAT.decode_count_request is not None
    assert FORMAT.encode_count_request is not None
    request = FORMAT.decode_count_request(call_of(body, "/models/gemini-x:countTokens"), Losses())
    call = FORMAT.encode_count_request(request, Profile(), Losses())
    assert call.path == "/models/gemini-x:countTokens"
    assert json.loads(call.body) == body


@pytest.mark.parametrize("name", ["maxOutputTokens", "topK", "seed"])
@pytest.mark.parametrize("value", [2**53 + 1, 2**53 * 4.0, -(2**60), 10**30])
def test_numbers_beyond_reason_are_refused(name: str, value: float) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(generationConfig={name: value})
    assert caught.value.param == f"generationConfig.{name}"
