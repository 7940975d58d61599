"""What the vendors answer 400 to although it fits their types, from their documentation, their error texts and recorded refusals."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Body = dict[str, Any]


def broken_rules(target: str, body: Body) -> list[str]:
    """Every rule that a body breaks."""
    return list(_RULES[target](body))


MODEL_FIRST = "messages: the first one is not the user's"
_ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_OPENAI_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")


_GEMINI_DIALECT = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties", "required",
        "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum", "anyOf", "propertyOrdering",
        "default", "example",
    }
)  # fmt: skip


def _anthropic(body: Body) -> Iterator[str]:
    messages = [(message["role"], _blocks(message["content"])) for message in body["messages"]]
    if not messages or messages[0][0] != "user":
        yield MODEL_FIRST
    for number, (role, blocks) in enumerate(messages):
        if not blocks and (role != "assistant" or number < len(messages) - 1):
            yield f"messages.{number}: all messages must have non-empty content"
        if any(block["type"] == "text" and not block["text"] for block in blocks):
            yield f"messages.{number}: text content blocks must be non-empty"
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}
        following = messages[number + 1][1] if number + 1 < len(messages) else []
        answered = [block["tool_use_id"] for block in following if block["type"] == "tool_result"]
        if number + 1 < len(messages) and (called != set(answered) or len(answered) != len(set(answered))):
            yield f"messages.{number}: tool_use ids {sorted(called)} met by {answered}"
        kinds = [block["type"] == "tool_result" for block in blocks]
        if kinds != sorted(kinds, reverse=True):
            yield f"messages.{number}: tool_result blocks are not first"
        yield from (f"messages.{number}: id {call_id}" for call_id in called if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call_id))
        if role == "assistant" and any(block["type"] in ("document", "image") for block in blocks):
            yield f"messages.{number}: media in an assistant message"
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        yield f"thinking.budget_tokens: {thinking['budget_tokens']} of {body['max_tokens']}"
    if thinking.get("type") == "enabled" and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "thinking may not be enabled when tool_choice forces tool use"
    if body["max_tokens"] < 1:
        yield "max_tokens"
    if "temperature" in body and not 0 <= body["temperature"] <= 1:
        yield "temperature"
    if body.get("tool_choice") and not body.get("tools"):
        yield "tool_choice without tools"
    names = [tool["name"] for tool in body.get("tools") or ()]
    yield from (f"tools: name {name}" for name in names if not _ANTHROPIC_NAME.fullmatch(name))
    yield from (f"tools: {name} twice" for name, times in Counter(names).items() if times > 1)
    for tool in body.get("tools") or ():
        schema = tool.get("input_schema")
        if schema is not None and (schema.get("type") != "object" or schema.keys() & {"anyOf", "oneOf", "allOf"}):
            yield f"tools: input_schema of {tool['name']}"
        yield from (
            f"tools: {tool['name']}: required twice" for required in _each(schema, "required") if len(set(required)) < len(required)
        )


def _chat(body: Body) -> Iterator[str]:
    open_calls: list[str] = []
    if not body["messages"]:
        yield "messages: [] is too short"
    for number, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                yield f"messages[{number}]: no call {message['tool_call_id']}"
            else:
                open_calls.remove(message["tool_call_id"])
        elif open_calls:
            yield f"messages[{number}]: no result for {open_calls}"
        calls = message.get("tool_calls") or ()
        open_calls += [call["id"] for call in calls]
        yield from (f"messages[{number}]: id {call['id']}" for call in calls if len(call["id"]) > 64)
        if message["role"] == "assistant" and not calls and message.get("content") is None and message.get("refusal") is None:
            yield f"messages[{number}]: an assistant message of nothing"
    if "json_object" in str(body.get("response_format")) and "json" not in str(body["messages"]).lower():
        yield "response_format: json_object without the word in the messages"
    yield from _openai_tools(body, [tool.get("function", tool) for tool in body.get("tools") or () if tool["type"] == "function"])
    if len(body.get("stop") or ()) > 4 and isinstance(body["stop"], list):
        yield "stop: more than four"


def _responses(body: Body) -> Iterator[str]:
    items = body["input"] if isinstance(body["input"], list) else []
    calls = [item["call_id"] for item in items if item.get("type") in ("function_call", "custom_tool_call")]
    outputs = [item["call_id"] for item in items if item.get("type") in ("function_call_output", "custom_tool_call_output")]
    if not items and not body["input"]:
        yield "input: empty"
    if len(set(calls)) < len(calls):
        yield "input: a call twice"
    called: set[str] = set()
    for item in items:
        match item.get("type"):
            case "function_call" | "custom_tool_call":
                called.add(item["call_id"])
            case "function_call_output" | "custom_tool_call_output" if item["call_id"] not in called:
                yield f"input: no call {item['call_id']} before its output"
            case _:
                pass
    trailing = items[-1].get("type") if items else None
    if set(calls) - set(outputs) and trailing != "function_call":
        yield f"No tool output found for function call {sorted(set(calls) - set(outputs))}"
    yield from (f"input: call_id {call_id}" for call_id in calls if not 1 <= len(call_id) <= 64)
    yield from (f"input: foreign id {item['id']}" for item in items if "id" in item)
    if body.get("max_output_tokens") is not None and body["max_output_tokens"] < 16:
        yield "max_output_tokens: expected a value >= 16"
    yield from _openai_tools(body, [tool for tool in body.get("tools") or () if tool["type"] == "function"])


def _openai_tools(body: Body, functions: list[Any]) -> Iterator[str]:
    names = [function["name"] for function in functions]
    yield from (f"tools: name {name}" for name in names if not _OPENAI_NAME.fullmatch(name))
    yield from (f"tools: {name} twice" for name, times in Counter(names).items() if times > 1)
    if body.get("tools") == []:
        yield "tools: [] is too short"
    if body.get("tool_choice") and not body.get("tools"):
        yield "tool_choice without tools"
    for function in functions:
        if function.get("strict"):
            for schema in _objects(function.get("parameters")):
                if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(schema["properties"]):
                    yield f"tools: {function['name']} is strict and its schema is not"


def _gemini(body: Body) -> Iterator[str]:
    contents = body["contents"]
    if not contents or contents[0]["role"] != "user":
        yield "contents: the first one is not the user's"
    for number, content in enumerate(contents):
        if content["role"] not in ("user", "model"):
            yield "Please use a valid role: user, model."
        if not content["parts"]:
            yield f"contents[{number}]: no parts"
        calls = [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part]
        following = contents[number + 1]["parts"] if number + 1 < len(contents) else []
        answered = [part["functionResponse"]["name"] for part in following if "functionResponse" in part]
        if number + 1 < len(contents) and calls != answered:
            yield f"contents[{number}]: calls {calls} met by {answered}"
        if number and contents[number - 1]["role"] == content["role"]:
            yield f"contents[{number}]: {content['role']} again"
    declared = [one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    yield from (f"tools: name {one['name']}" for one in declared if not _GEMINI_NAME.fullmatch(one["name"]))
    yield from (f"tools: {name} twice" for name, times in Counter(one["name"] for one in declared).items() if times > 1)
    for one in declared:
        if "parameters" in one and "parametersJsonSchema" in one:
            yield f"tools: {one['name']} described twice"
        if "$schema" in str(one.get("parametersJsonSchema")):
            yield f"tools: {one['name']}: $schema"
        for schema in _subschemas(one.get("parameters")):
            if unknown := schema.keys() - _GEMINI_DIALECT:
                yield f"tools: {one['name']}: Unknown name {sorted(unknown)}"
    thinking = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        yield "thinkingConfig: both a budget and a level"
    if len((body.get("generationConfig") or {}).get("stopSequences") or ()) > 5:
        yield "stopSequences: more than five"


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object's schema in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema
        for inner in schema.values():
            yield from _objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _objects(inner)


def _subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema in Gemini's older dialect, and all within."""
    if schema is not None:
        yield schema
        for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items")):
            yield from _subschemas(inner)


def _each(schema: Any, keyword: str) -> Iterator[Any]:
    """What a keyword says, wherever it stands in a schema."""
    for found in _objects(schema):
        if keyword in found:
            yield found[keyword]


_RULES: Mapping[str, Callable[[Body], Iterator[str]]] = {
    "anthropic": _anthropic,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
}
