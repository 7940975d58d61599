"""The official SDK as a client: what it sends is understood, and it reads what other vendors' answers are turned into."""

import base64
import json

import pytest
from google.genai import errors, types

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.events import PartEnd, PartStart, ProofDelta, ResponseEnd, ResponseStart, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Media, Proof, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import ChoiceMode, OutputKind, Request, Role, Thinking, ThinkingMode, Tool
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode
from tests.core.formats.gemini.asking import FOREIGN, streamed
from tests.core.formats.gemini.sdk import client_of, merged, read_body, read_stream

SIGNATURE = base64.b64encode(b"signed").decode()
ANSWER = Response(
    "msg_1",
    "claude-x",
    (Reasoning("hm"), Text("Hello \u2028 you"), ToolCall("toolu_1", "look", '{"at": [1, "é"]}'), ToolCall("toolu_2", "look", "")),
    Finish(FinishReason.TOOL_CALLS),
    Usage(input=3, cache_read=4, output=9, reasoning=2),
)


def sent(**config: object) -> Request:
    """What the SDK sends for a conversation with `config`, as we read it."""
    calls: list[HTTPCall] = []

    def answer(call: HTTPCall) -> tuple[int, str, bytes]:
        calls.append(call)
        return 200, "application/json", FORMAT.encode_response(ANSWER, FOREIGN)

    history = [
        types.Content(
            role="user", parts=[types.Part.from_text(text="see"), types.Part.from_bytes(data=b"\xfb\xff", mime_type="image/png")]
        ),
        types.Content(
            role="model",
            parts=[types.Part(function_call=types.FunctionCall(name="look", args={"at": 1}), thought_signature=b"signed")],
        ),
        types.Content(role="user", parts=[types.Part.from_function_response(name="look", response={"output": "a cat"})]),
    ]
    client_of(answer).models.generate_content(model="gemini-x", contents=history, config=types.GenerateContentConfig(**config))  # type: ignore[arg-type]
    (call,) = calls
    return FORMAT.decode_request(call, Losses())


def test_a_conversation_as_the_sdk_sends_it() -> None:
    request = sent(system_instruction="be brief", max_output_tokens=7, temperature=0.5, top_k=3, stop_sequences=["x"], seed=1)
    assert (request.model, request.stream) == ("gemini-x", False)
    assert [part.text for part in request.instructions if isinstance(part, Text)] == ["be brief"]
    (see, picture), (call,), (result,) = (message.parts for message in request.messages)
    assert isinstance(see, Text)
    assert isinstance(picture, Media)
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert (call.name, call.arguments, call.proofs) == ("look", '{"at":1}', (Proof("gemini", SIGNATURE),))
    assert (result.call_id, result.parts) == (call.call_id, (Text("a cat"),))
    assert [message.role for message in request.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert (request.max_tokens, request.sampling.temperature, request.sampling.top_k, request.stop) == (7, 0.5, 3, ("x",))


def test_tools_thinking_and_shape_as_the_sdk_sends_them() -> None:
    declaration = types.FunctionDeclaration(
        name="look",
        description="Looks.",
        parameters=types.Schema(type=types.Type.OBJECT, properties={"at": types.Schema(type=types.Type.STRING, nullable=True)}),
    )
    request = sent(
        tools=[types.Tool(function_declarations=[declaration]), types.Tool(google_search=types.GoogleSearch())],
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["look"])
        ),
        thinking_config=types.ThinkingConfig(thinking_budget=512, include_thoughts=True),
        response_mime_type="application/json",
        response_json_schema={"type": "object"},
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    assert request.tools is not None
    (tool,) = [tool for tool in request.tools if isinstance(tool, Tool)]
    assert tool.parameters == {"type": "object", "properties": {"at": {"type": ["string", "null"]}}}
    assert request.tool_choice is not None
    assert (request.tool_choice.mode, request.tool_choice.names) == (ChoiceMode.REQUIRED, ("look",))
    assert request.thinking is not None
    assert (request.thinking.mode, request.thinking.budget) == (ThinkingMode.BUDGET, 512)
    assert isinstance(request.thinking, Thinking)
    assert request.output is not None
    assert (request.output.kind, request.output.schema) == (OutputKind.JSON_SCHEMA, {"type": "object"})


def test_the_sdk_reads_a_foreign_answer() -> None:
    read = read_body(FORMAT.encode_response(ANSWER, FOREIGN))
    assert read.usage_metadata is not None
    assert (read.usage_metadata.prompt_token_count, read.usage_metadata.total_token_count) == (7, 16)
    calls = [(call.id, call.name, call.args) for call in read.function_calls or ()]
    assert calls == [("toolu_1", "look", {"at": [1, "é"]}), ("toolu_2", "look", {})]
    assert merged([read])["parts"][:2] == [{"text": "hm", "thought": True}, {"text": "Hello \u2028 you"}]


def test_the_sdk_reads_a_foreign_stream_as_it_reads_the_body() -> None:
    data = streamed(explode(ANSWER)).replace(b"\n\n", b"\n\n" + FORMAT.ping, 2)
    assert merged(read_stream(data)) == merged([read_body(FORMAT.encode_response(ANSWER, FOREIGN))])


def test_the_sdk_reads_signatures_wherever_they_are() -> None:
    proof = Proof("gemini", SIGNATURE)
    data = streamed(
        [
            ResponseStart("r", "m"),
            PartStart(0, Reasoning()),
            TextDelta(0, "hm"),
            ProofDelta(0, proof),
            PartEnd(0),
            PartStart(1, ToolCall("c", "f", "{}", proofs=(proof,))),
            PartEnd(1),
            ResponseEnd(Finish(FinishReason.TOOL_CALLS)),
        ]
    )
    parts = merged(read_stream(data))["parts"]
    assert [part.get("thought_signature") for part in parts] == [None, b"signed", b"signed"]


@pytest.mark.parametrize("kind", [ErrorKind.RATE_LIMIT, ErrorKind.AUTHENTICATION, ErrorKind.OVERLOADED, ErrorKind.INVALID_REQUEST])
def test_the_sdk_raises_what_went_wrong(kind: ErrorKind) -> None:
    reply = FORMAT.encode_error(APIError(kind, "because"), "req")
    with pytest.raises(errors.APIError, match="because") as caught:
        client_of(lambda _: (reply.status, "application/json", reply.body)).models.generate_content(model="m", contents="x")
    assert caught.value.code == reply.status


def test_the_sdk_raises_an_error_inside_a_stream() -> None:
    data = streamed([ResponseStart("r", "m"), PartStart(0, Text("a")), PartEnd(0)])
    data += FORMAT.encode_stream_error(APIError(ErrorKind.OVERLOADED, "busy"), "req")
    with pytest.raises(errors.APIError, match="busy"):
        read_stream(data)


def test_the_sdk_lists_models_and_counts_tokens() -> None:
    assert FORMAT.encode_count is not None
    listed = json.loads(FORMAT.encode_models(FORMAT.decode_models(b'{"models":[{"name":"models/a"},{"name":"models/b"}]}')))

    def answer(call: HTTPCall) -> tuple[int, str, bytes]:
        if call.path.endswith(":countTokens"):
            assert FORMAT.decode_count_request is not None
            assert FORMAT.decode_count_request(call, Losses()).messages[0].parts == (Text("x"),)
            return 200, "application/json", b'{"totalTokens":3}'
        return 200, "application/json", json.dumps(listed).encode()

    client = client_of(answer)
    assert [model.name for model in client.models.list()] == ["models/a", "models/b"]
    assert client.models.count_tokens(model="m", contents="x").total_tokens == 3
