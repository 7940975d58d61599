"""Input that nobody should send, to a real server: the caller's own vendor's error with the place of the mistake, never a 500, never a
traceback, and the next request is served.

Each request goes to the embedded model, where it is translated, and to an HTTP provider that nobody listens for, where it is relayed: the
relay may leave a fault for the upstream to find, and says then that there is none.
"""

import gzip
import http.client
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from attrs import frozen

from tests.e2e.conftest import Machine, Served

CONFIG = """
[providers.echo]
preset = "echo"
[providers.anthropic]
preset = "anthropic"
base_url = "http://127.0.0.1:1"
api_key = "sk-ant-made-up"
[providers.openai]
preset = "openai"
base_url = "http://127.0.0.1:1/v1"
api_key = "sk-made-up"
"""
LARGEST_ERROR = 4096
"""Bytes: an error must not amplify what it complains of."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.work.mkdir()
    with machine.serve(CONFIG) as served:
        yield served
        assert served.process.poll() is None
    log = served.stderr.read_text()
    assert "Traceback" not in log
    assert "traceback" not in log
    assert '"internal"' not in log


@frozen
class Got:
    """A complete reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Body: TypeAlias = bytes | Iterable[bytes] | None


def call(served: Served, path: str, body: Body, method: str = "POST", **headers: str | None) -> Got:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    named = {name.replace("_", "-"): value for name, value in {"content_type": "application/json", **headers}.items() if value is not None}
    try:
        connection.request(method, path, body, named)
        reply = connection.getresponse()
        return Got(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()


# What a vendor's errors look like


@frozen
class Vendor:
    """One API as its clients know it."""

    name: str
    path: str
    relay: str
    """A model that is relayed."""
    sample: dict[str, Any]
    """A request that is in order."""
    check: Callable[[Got, int, str | None], None]
    """Whether a reply is this vendor's error with that status, and tells that field."""


def check_anthropic(got: Got, status: int, where: str | None) -> None:
    """The field stands at the start of the message."""
    body = got.json
    assert (got.status, body.keys(), body["type"]) == (status, {"type", "error", "request_id"}, "error")
    assert body["request_id"] == got.headers["request-id"] == got.headers["x-request-id"]
    types = {404: "not_found_error", 413: "request_too_large", 502: "api_error"}
    assert body["error"]["type"] == types.get(status, "invalid_request_error")
    assert body["error"]["message"]
    if where is not None:
        assert body["error"]["message"].startswith(f"{where}: ")


def check_openai(got: Got, status: int, where: str | None) -> None:
    """The field has a member of its own."""
    body = got.json
    assert (got.status, body.keys(), body["error"].keys()) == (status, {"error"}, {"message", "type", "param", "code"})
    assert body["error"]["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    assert body["error"]["param"] == where
    assert body["error"]["message"]
    assert got.headers["x-request-id"].startswith("req_")


HELLO = {"role": "user", "content": "hello"}
ANTHROPIC = Vendor(
    "anthropic", "/v1/messages", "anthropic/claude-sonnet-4-5", {"model": "echo", "max_tokens": 50, "messages": [HELLO]}, check_anthropic
)
OPENAI = Vendor("openai", "/v1/chat/completions", "openai/gpt-4o", {"model": "echo", "messages": [HELLO]}, check_openai)
VENDORS = (ANTHROPIC, OPENAI)
every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)


def assert_refused(vendor: Vendor, got: Got, status: int, where: str | None = None) -> None:
    vendor.check(got, status, where)
    assert got.headers["content-type"] == "application/json"
    assert len(got.body) < LARGEST_ERROR
    assert b"Traceback" not in got.body
    assert b".py" not in got.body


def assert_still_serves(served: Served, vendor: Vendor) -> None:
    assert call(served, vendor.path, json.dumps(vendor.sample).encode()).status == 200


# Bodies

Write: TypeAlias = Callable[[dict[str, Any]], bytes]
"""Writes a body, given one that is in order."""


def literally(body: bytes) -> Write:
    return lambda sample: body


def changed(**members: Any) -> Write:
    return lambda sample: json.dumps({**sample, **members}).encode()


def without(name: str) -> Write:
    return lambda sample: json.dumps({key: value for key, value in sample.items() if key != name}).encode()


def spoiled(old: bytes, new: bytes) -> Write:
    def write(sample: dict[str, Any]) -> bytes:
        body = json.dumps(sample).encode()
        assert old in body
        return body.replace(old, new, 1)

    return write


def says(*messages: Any) -> Write:
    return changed(messages=list(messages))


def content(value: Any) -> Write:
    return says({"role": "user", "content": value})


def block(**members: Any) -> Write:
    return content([members])


def answered(*blocks: Any) -> Write:
    """An answer of these blocks behind a question."""
    return says(HELLO, {"role": "assistant", "content": list(blocks)})


def called(**call: Any) -> Write:
    return says(HELLO, {"role": "assistant", "tool_calls": [{"type": "function", **call}]})


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


PNG = {"type": "base64", "media_type": "image/png"}


@frozen
class Bad:
    """A body that is refused."""

    name: str
    write: Write
    where: str | None = None
    """The field that is named; None for the body as a whole."""
    status: int = 400


NOT_A_REQUEST = (
    Bad("no-json", literally(b"hello")),
    Bad("empty", literally(b"")),
    Bad("white-space", literally(b" \n")),
    Bad("array", literally(b"[]")),
    Bad("string", literally(b'"hello"')),
    Bad("null", literally(b"null")),
    Bad("half", lambda sample: json.dumps(sample).encode()[:-5]),
    Bad("trailing", lambda sample: json.dumps(sample).encode() + b"{}"),
    Bad("byte-order-mark", lambda sample: b"\xef\xbb\xbf" + json.dumps(sample).encode()),
    Bad("utf-16", lambda sample: json.dumps(sample).encode("utf-16")),
    Bad("bad-utf-8", spoiled(b'"hello"', b'"h\xff\xc3("')),
    Bad("bad-utf-8-in-a-name", spoiled(b'"model"', b'"\xff": 1, "model"')),
    Bad("nan", spoiled(b'"model"', b'"temperature": NaN, "model"')),
    Bad("infinity", spoiled(b'"model"', b'"temperature": -Infinity, "model"')),
    Bad("comment", spoiled(b'"model"', b'/* hi */ "model"')),
    Bad("single-quotes", lambda sample: str(sample).encode()),
    Bad("control-character", spoiled(b'"hello"', b'"he\x01llo"')),
    Bad("half-an-escape", spoiled(b'"hello"', b'"\\u12"')),
    Bad("deep-arrays", spoiled(b'"hello"', b"[" * 100_000 + b"]" * 100_000)),
    Bad("deep-objects", spoiled(b'"hello"', nested(20_000))),
    Bad("deep-where-nobody-looks", spoiled(b'"model"', b'"x": ' + nested(20_000) + b', "model"')),
    Bad("deep-and-open", spoiled(b'"hello"', b"[" * 1_000_000)),
)

WRONG_EVERYWHERE = (
    Bad("nothing", literally(b"{}"), "model"),
    Bad("no-model", without("model"), "model"),
    Bad("no-messages", without("messages"), "messages"),
    Bad("model-null", changed(model=None), "model"),
    Bad("model-number", changed(model=7), "model"),
    Bad("model-list", changed(model=["echo"]), "model"),
    Bad("model-empty", changed(model=""), "model"),
    Bad("model-unknown", changed(model="nobody"), "model", 404),
    Bad("model-unknown-of-a-provider", changed(model="echo/nobody"), "model", 404),
    Bad("model-of-a-mebibyte", changed(model="m" * 2**20), "model", 404),
    Bad("model-of-a-mebibyte-at-a-provider", changed(model="echo/" + "m" * 2**20), "model", 404),
    Bad("model-with-a-header", changed(model="echo\r\nx-evil: 1"), "model", 404),
    Bad("model-half-a-surrogate", changed(model="\ud83d"), "model", 404),
    Bad("model-twice", spoiled(b'"messages"', b'"model": 7, "messages"'), "model"),
    Bad("messages-null", changed(messages=None), "messages"),
    Bad("messages-string", changed(messages="hello"), "messages"),
    Bad("messages-object", changed(messages={"role": "user", "content": "hello"}), "messages"),
    Bad("messages-empty", changed(messages=[]), "messages"),
    Bad("message-string", says("hello"), "messages[0]"),
    Bad("message-null", says(None), "messages[0]"),
    Bad("role-missing", says({"content": "hello"}), "messages[0].role"),
    Bad("role-number", says({"role": 7, "content": "hello"}), "messages[0].role"),
    Bad("role-unknown", says({"role": "wizard", "content": "hello"}), "messages[0].role"),
    Bad("role-of-a-mebibyte", says({"role": "w" * 2**20, "content": "hello"}), "messages[0].role"),
    Bad("content-missing", says({"role": "user"}), "messages[0].content"),
    Bad("content-null", content(None), "messages[0].content"),
    Bad("content-number", content(7), "messages[0].content"),
    Bad("content-object", content({"type": "text", "text": "hello"}), "messages[0].content"),
    Bad("block-string", content(["hello"]), "messages[0].content[0]"),
    Bad("block-without-type", block(text="hello"), "messages[0].content[0].type"),
    Bad("block-type-number", block(type=7), "messages[0].content[0].type"),
    Bad("text-missing", content([{"type": "text", "text": "a"}, {"type": "text"}]), "messages[0].content[1].text"),
    Bad("text-number", says(HELLO, {"role": "user", "content": [{"type": "text", "text": 7}]}), "messages[1].content[0].text"),
    Bad("stream-string", changed(stream="yes"), "stream"),
    Bad("temperature-string", changed(temperature="hot"), "temperature"),
    Bad("top-p-list", changed(top_p=[]), "top_p"),
    Bad("max-tokens-string", changed(max_tokens="50"), "max_tokens"),
    Bad("max-tokens-fraction", changed(max_tokens=9.5), "max_tokens"),
    Bad("max-tokens-boolean", changed(max_tokens=True), "max_tokens"),
    Bad("max-tokens-beyond-64-bits", changed(max_tokens=2**70), "max_tokens"),
    Bad("tools-string", changed(tools="x"), "tools"),
    Bad("tools-object", changed(tools={}), "tools"),
    Bad("tool-string", changed(tools=["x"]), "tools[0]"),
    Bad("tool-choice-number", changed(tool_choice=7), "tool_choice"),
    Bad("tool-choice-unknown", changed(tool_choice="wild"), "tool_choice"),
)  # fmt: skip

WRONG_FOR_ANTHROPIC = (
    Bad("no-max-tokens", without("max_tokens"), "max_tokens"),
    Bad("max-tokens-negative", changed(max_tokens=-1), "max_tokens"),
    Bad("content-empty", content([]), "messages[0]"),
    Bad("stop-sequences-string", changed(stop_sequences="END"), "stop_sequences"),
    Bad("stop-sequence-number", changed(stop_sequences=[7]), "stop_sequences[0]"),
    Bad("system-number", changed(system=7), "system"),
    Bad("system-block", changed(system=[{"type": "text"}]), "system[0].text"),
    Bad("metadata-string", changed(metadata="x"), "metadata"),
    Bad("thinking-string", changed(thinking="on"), "thinking"),
    Bad("thinking-without-budget", changed(thinking={"type": "enabled"}), "thinking.budget_tokens"),
    Bad("output-config-string", changed(output_config="x"), "output_config"),
    Bad("output-schema", changed(output_config={"format": {"type": "json_schema", "schema": 7}}), "output_config.format.schema"),
    Bad("tool-without-name", changed(tools=[{"input_schema": {}}]), "tools[0].name"),
    Bad("tool-schema", changed(tools=[{"name": "t", "input_schema": "x"}]), "tools[0].input_schema"),
    Bad("tool-choice-type", changed(tool_choice={"type": "wild"}), "tool_choice.type"),
    Bad("image-without-source", block(type="image"), "messages[0].content[0].source"),
    Bad("image-source", block(type="image", source="x"), "messages[0].content[0].source"),
    Bad("image-data", block(type="image", source={**PNG, "data": 7}), "messages[0].content[0].source.data"),
    Bad("cache-mark", block(type="text", text="hello", cache_control="x"), "messages[0].content[0].cache_control"),
    Bad("call-without-id", answered({"type": "tool_use", "name": "t", "input": {}}), "messages[1].content[0].id"),
    Bad("call-input", answered({"type": "tool_use", "id": "a", "name": "t", "input": "x"}), "messages[1].content[0].input"),
    Bad("result-without-call", block(type="tool_result", content="x"), "messages[0].content[0].tool_use_id"),
    Bad("result-inside", block(type="tool_result", tool_use_id="a", content=[{"type": "text"}]), "messages[0].content[0].content[0].text"),
    Bad("thread", changed(thread={"type": "create"}), "thread"),
)  # fmt: skip

WRONG_FOR_OPENAI = (
    Bad("number-out-of-range", spoiled(b'"model"', b'"x": {"y": 1e400}, "model"')),
    Bad("several-choices", changed(n=2), "n"),
    Bad("choices-string", changed(n="2"), "n"),
    Bad("stop-number", changed(stop=7), "stop"),
    Bad("stop-numbers", changed(stop=["a", 7]), "stop[1]"),
    Bad("effort-number", changed(reasoning_effort=7), "reasoning_effort"),
    Bad("stream-options-string", changed(stream=True, stream_options="x"), "stream_options"),
    Bad("include-usage", changed(stream=True, stream_options={"include_usage": "yes"}), "stream_options.include_usage"),
    Bad("tool-without-function", changed(tools=[{"type": "function"}]), "tools[0].function"),
    Bad("tool-without-name", changed(tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
    Bad("tool-schema", changed(tools=[{"type": "function", "function": {"name": "t", "parameters": 7}}]), "tools[0].function.parameters"),
    Bad("format-string", changed(response_format="json"), "response_format"),
    Bad("format-without-schema", changed(response_format={"type": "json_schema"}), "response_format.json_schema"),
    Bad("image-without-url", block(type="image_url"), "messages[0].content[0].image_url"),
    Bad("image-url-number", block(type="image_url", image_url={"url": 7}), "messages[0].content[0].image_url.url"),
    Bad("calls-string", says(HELLO, {"role": "assistant", "tool_calls": "x"}), "messages[1].tool_calls"),
    Bad("call-without-id", called(function={"name": "t", "arguments": "{}"}), "messages[1].tool_calls[0].id"),
    Bad("call-arguments", called(id="a", function={"name": "t", "arguments": {}}), "messages[1].tool_calls[0].function.arguments"),
    Bad("result-without-call", says({"role": "tool", "content": "x"}), "messages[0].tool_call_id"),
)

CASES = [
    *((vendor, bad) for vendor in VENDORS for bad in (*NOT_A_REQUEST, *WRONG_EVERYWHERE)),
    *((ANTHROPIC, bad) for bad in WRONG_FOR_ANTHROPIC),
    *((OPENAI, bad) for bad in WRONG_FOR_OPENAI),
]


@pytest.mark.parametrize(("vendor", "bad"), CASES, ids=[f"{vendor.name}-{bad.name}" for vendor, bad in CASES])
def test_a_bad_body_is_refused_where_it_is_bad(served: Served, vendor: Vendor, bad: Bad) -> None:
    assert_refused(vendor, call(served, vendor.path, bad.write(vendor.sample)), bad.status, bad.where)
    relayed = call(served, vendor.path, bad.write({**vendor.sample, "model": vendor.relay}))
    if relayed.status == 502 and bad not in NOT_A_REQUEST:
        assert_refused(vendor, relayed, 502)
    else:
        assert_refused(vendor, relayed, bad.status, bad.where)
    assert_still_serves(served, vendor)


ODD = {
    "unknown-members": changed(x_new={"deep": [1, None]}),
    "a-member-twice": spoiled(b'"model"', b'"model": "nobody", "model"'),
    "half-a-surrogate": spoiled(b'"hello"', b'"he\\ud83dllo"'),
    "a-nul": spoiled(b'"hello"', b'"he\\u0000llo"'),
    "numbers-of-any-length": spoiled(b'"model"', b'"x": 123456789012345678901234567890, "model"'),
    "a-number-without-end": changed(messages=[{"role": "user", "content": "hello", "x": 10**300}]),
    "not-only-ascii": spoiled(b'"hello"', '"你好 🦊"'.encode()),
    "white-space": lambda sample: b"\r\n\t " + json.dumps(sample, indent=8).encode() + b" \n",
    "a-block-nobody-knows": block(type="smell", of="roses"),
}


@every_vendor
@pytest.mark.parametrize("write", ODD.values(), ids=ODD.keys())
def test_what_is_only_odd_is_served(served: Served, vendor: Vendor, write: Write) -> None:
    got = call(served, vendor.path, write(vendor.sample))
    assert got.status == 200
    assert got.body.decode()  # valid UTF-8, whatever came in


# What stands around a body


@every_vendor
@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_only_json_is_taken(served: Served, vendor: Vendor, kind: str | None) -> None:
    assert_refused(vendor, call(served, vendor.path, json.dumps(vendor.sample).encode(), content_type=kind), 415)


@every_vendor
def test_json_may_be_said_in_many_ways(served: Served, vendor: Vendor) -> None:
    body = json.dumps(vendor.sample).encode()
    assert call(served, vendor.path, body, content_type="Application/JSON; charset=utf-8").status == 200
    assert call(served, vendor.path, gzip.compress(body), content_encoding="gzip").status == 200


@every_vendor
@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (b"hello", "gzip", 400),
        (gzip.compress(b"{}")[:-9], "gzip", 400),
        (gzip.compress(b" " * 50 * 2**20), "gzip", 413),
        (b"hello", "br", 415),
        (b"hello", "gzip, gzip", 415),
    ],
    ids=["no-gzip", "half", "bomb", "unknown", "twice"],
)
def test_what_cannot_be_unpacked(served: Served, vendor: Vendor, body: bytes, coding: str, status: int) -> None:
    assert_refused(vendor, call(served, vendor.path, body, content_encoding=coding), status)
    assert_still_serves(served, vendor)


@every_vendor
@pytest.mark.parametrize("announced", [True, False])
def test_fifty_megabytes_are_too_much(served: Served, vendor: Vendor, announced: bool) -> None:
    pieces = [b'{"model": "' + b"m" * 2**20] * 50
    assert_refused(vendor, call(served, vendor.path, b"".join(pieces) if announced else pieces), 413)
    assert_still_serves(served, vendor)


@every_vendor
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_method_is_told_the_right_one(served: Served, vendor: Vendor, method: str) -> None:
    got = call(served, vendor.path, None, method)
    assert_refused(vendor, got, 405)
    assert got.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "said",
    [
        b"hello\r\n\r\n",
        b"BREW /v1/messages HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    ],
    ids=["words", "method", "length", "chunk", "tls"],
)
def test_what_is_not_http_is_told_so(served: Served, said: bytes) -> None:
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(said)
        with connection.makefile("rb") as reply:
            status = reply.readline()
            rest = reply.read()
    assert status.startswith(b"HTTP/1.1 400 ")
    assert "error" in json.loads(rest.partition(b"\r\n\r\n")[2])
    assert_still_serves(served, OPENAI)


@pytest.mark.parametrize(
    ("vendor", "path", "headers"),
    [
        (ANTHROPIC, "/v1/messages/nothing", {}),
        (ANTHROPIC, "/anthropic/v1/nothing", {}),
        (ANTHROPIC, "/v1/nothing", {"anthropic_version": "2023-06-01"}),
        (ANTHROPIC, "/v1/models/nobody", {"x_api_key": "any"}),
        (OPENAI, "/v1/chat/nothing", {}),
        (OPENAI, "/openai/v1/nothing", {}),
        (OPENAI, "/v1/nothing", {"authorization": "Bearer any"}),
        (OPENAI, "/" + "x" * 10_000, {}),
        (OPENAI, "/v1/../../etc/passwd", {}),
        (OPENAI, "/v1/%00%ff%0d%0a", {}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path(served: Served, vendor: Vendor, path: str, headers: dict[str, str], method: str) -> None:
    got = call(served, path, b"{}" if method == "POST" else None, method, **headers)
    if "/models/" in path and method == "POST":
        assert_refused(vendor, got, 405)
    else:
        assert_refused(vendor, got, 404, "model" if "/models/" in path else None)


def test_a_model_can_be_counted_but_not_badly(served: Served) -> None:
    path = f"{ANTHROPIC.path}/count_tokens"
    assert call(served, path, without("max_tokens")(ANTHROPIC.sample)).json["input_tokens"] > 0
    for bad in (*NOT_A_REQUEST, *WRONG_EVERYWHERE):
        if bad.name not in _NOT_COUNTED:
            assert_refused(ANTHROPIC, call(served, path, bad.write(ANTHROPIC.sample)), bad.status, bad.where)


_NOT_COUNTED = {"temperature-string", "model-unknown-of-a-provider", "model-of-a-mebibyte-at-a-provider"}
"""What does not count: the embedded model's estimate is one for any name."""
