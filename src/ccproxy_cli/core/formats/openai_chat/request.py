"""Requests, both ways.

A request that came in this format goes out as its client wrote it, whatever the target's profile says: the client knows what it
asks for, and the relay would send the same. One that came in another format is first bent to what this format and the target
can take; see `bend`.
"""

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats._openai.user import USER, read_user
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.bend import bend
from ccproxy_cli.core.formats.openai_chat.hosted import read_search
from ccproxy_cli.core.formats.openai_chat.messages import MessageReader, write_message
from ccproxy_cli.core.formats.openai_chat.parts import read_cache, write_cache
from ccproxy_cli.core.formats.openai_chat.thinking import read_thinking, write_thinking
from ccproxy_cli.core.formats.openai_chat.tools import (
    is_legacy,
    read_choice,
    read_function,
    read_legacy_choice,
    read_tool,
    write_choice,
    write_function,
    write_legacy_choice,
    write_tool,
)
from ccproxy_cli.core.formats.openai_chat.wire import KIT, MAX_LIMIT, WireRequest
from ccproxy_cli.core.http import JSON_HEADERS, HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.leaving_out import leave_out
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import AnyTool, Output, OutputKind, Request, Sampling, Tool, ToolChoice

PATH = "/chat/completions"

_OUTPUTS = {kind.value: kind for kind in OutputKind}


def decode_request(call: HTTPCall, losses: Losses) -> Request:
    """A client's request.

    Raises:
        BadRequest: naming the field as the client wrote it.
    """
    wire = KIT.read(parse(call.body, BadRequest), WireRequest, BadRequest)
    _check(wire)
    members = wire.extras | (spelling.note(spelling.ONE_CHOICE) if wire.n == 1 else {})
    reader = MessageReader()
    return Request(
        model=wire.model,
        messages=tuple([reader.read(message, f"messages[{index}]") for index, message in enumerate(wire.messages)]),
        tools=_read_tools(wire, members),
        tool_choice=_read_choice(wire, members),
        parallel_tool_calls=wire.parallel_tool_calls,
        max_tokens=_read_limit(wire, members),
        sampling=Sampling(wire.temperature, wire.top_p, wire.top_k, wire.frequency_penalty, wire.presence_penalty, wire.seed),
        stop=_read_stop(wire, members),
        thinking=read_thinking(wire, members),
        output=_read_output(wire, members),
        stream=wire.stream,
        stream_usage=_read_stream_usage(wire, members),
        user=read_user(wire.user, wire.safety_identifier, members),
        cache=read_cache(wire.cache_control, members),
        cache_key=wire.prompt_cache_key,
        service_tier=wire.service_tier,
        logprobs=_read_logprobs(wire, members),
        extras={spelling.NAME: members},  # present even when empty: it says where the request came from
    )


def _check(wire: WireRequest) -> None:
    if not wire.model:
        raise BadRequest("model: must not be empty", "model")
    if not wire.messages:
        raise BadRequest("messages: must not be empty", "messages")
    if wire.n is not None and wire.n != 1:
        raise BadRequest("n: this model's API gives one choice per request", "n", code="unsupported_value")


def _read_tools(wire: WireRequest, members: dict[str, JSON]) -> tuple[AnyTool, ...] | None:
    hosted: tuple[AnyTool, ...] = ()
    if wire.web_search_options is not None:
        members[spelling.SEARCH] = wire.web_search_options
        hosted = (read_search(wire.web_search_options),)
        if wire.tools is None:
            members[spelling.NO_TOOLS] = True
    elif wire.tools is None and wire.functions is None:
        return None
    tools = [read_tool(tool, f"tools[{index}]") for index, tool in enumerate(wire.tools or [])]
    return (*tools, *(read_function(function) for function in wire.functions or []), *hosted)


def _read_choice(wire: WireRequest, members: dict[str, JSON]) -> ToolChoice | None:
    if wire.tools == [] and wire.functions is not None:
        members["tools"] = []
    if wire.functions == []:
        members["functions"] = []
        if wire.tools is None:
            members[spelling.NO_TOOLS] = True
    if wire.tool_choice is None:
        return None if wire.function_call is None else read_legacy_choice(wire.function_call, "function_call")
    if wire.function_call is not None:
        members["function_call"] = wire.function_call
    choice = read_choice(wire.tool_choice, "tool_choice")
    if choice is None:
        members["tool_choice"] = wire.tool_choice
    return choice


def _read_limit(wire: WireRequest, members: dict[str, JSON]) -> int | None:
    for name, limit in (("max_tokens", wire.max_tokens), ("max_completion_tokens", wire.max_completion_tokens)):
        if limit is not None and limit > MAX_LIMIT:
            raise BadRequest(f"{name}: must be at most {MAX_LIMIT}", name)
    if wire.max_completion_tokens is None and wire.max_tokens is not None:
        members |= spelling.note(spelling.MAX_TOKENS)
        return wire.max_tokens
    if wire.max_tokens is not None:
        members["max_tokens"] = wire.max_tokens
    return wire.max_completion_tokens


def _read_stop(wire: WireRequest, members: dict[str, JSON]) -> tuple[str, ...] | None:
    match wire.stop:
        case None:
            return None
        case str() as one:
            members |= spelling.note(spelling.BARE)
            return (one,)
        case several:
            return tuple(several)


def _read_output(wire: WireRequest, members: dict[str, JSON]) -> Output | None:
    written = wire.response_format
    if written is None:
        return None
    kind, schema = _OUTPUTS.get(written.type), written.json_schema
    if kind is OutputKind.JSON_SCHEMA and schema is None:
        raise BadRequest("response_format.json_schema: Field required", "response_format.json_schema")
    if kind is None or (schema is not None and kind is not OutputKind.JSON_SCHEMA):
        members["response_format"] = KIT.write(written)
        return None
    if schema is None:
        return Output(kind, extras=spelling.ours(written.extras))
    extras = spelling.ours(written.extras, spelling.dotted("json_schema", schema.extras))
    return Output(kind, schema.schema, schema.name, schema.description, schema.strict, extras)


def _read_stream_usage(wire: WireRequest, members: dict[str, JSON]) -> bool | None:
    options = wire.stream_options
    if options is None:
        return None
    members |= spelling.dotted("stream_options", options.extras)
    if options.include_usage is None and not options.extras:
        members["stream_options"] = {}
    return options.include_usage


def encode_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """The request as a call below a base URL that ends in `/v1`.

    Raises:
        BadRequest: something that must not be left out cannot be said.
    """
    own = spelling.is_own(request.extras)
    body = _write(request if own else bend(request, profile, losses))
    if profile.without and not own:
        leave_out(body, profile.without, losses)
    return HTTPCall("POST", PATH, dumps(body), JSON_HEADERS)


def _write(request: Request) -> dict[str, JSON]:
    notes, sampling = request.extras, request.sampling
    body: dict[str, JSON] = {
        "model": request.model,
        "messages": [write_message(message, f"messages[{index}]") for index, message in enumerate(request.messages)],
    }
    _write_tools(body, request)
    plain: dict[str, JSON] = {
        "parallel_tool_calls": request.parallel_tool_calls,
        "max_tokens" if spelling.said(notes, spelling.MAX_TOKENS) else "max_completion_tokens": request.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "stop": _write_stop(request),
        "n": 1 if spelling.said(notes, spelling.ONE_CHOICE) else None,
        **write_thinking(request.thinking),
        "response_format": None if request.output is None else _write_output(request.output),
        "stream": request.stream,
        "stream_options": _write_stream_options(request),
        "user" if spelling.said(notes, USER) else "safety_identifier": request.user,
        "prompt_cache_key": request.cache_key,
        "cache_control": write_cache(request.cache),
        "service_tier": request.service_tier,
        **_write_logprobs(request),
        "web_search_options": request.extras.get(spelling.NAME, {}).get(spelling.SEARCH),
    }
    body |= {name: value for name, value in plain.items() if value is not None}
    return spelling.with_members(body, notes, "stream_options")


def _write_tools(body: dict[str, JSON], request: Request) -> None:
    if request.tools is not None:
        functions: list[JSON] = []
        tools: list[JSON] = []
        for tool in request.tools:
            if isinstance(tool, Tool) and tool.extras and is_legacy(tool):
                functions.append(write_function(tool))
            elif isinstance(tool, Tool) or tool.raw is not None:
                tools.append(write_tool(tool))
        if tools or not (functions or spelling.said(request.extras, spelling.NO_TOOLS)):
            body["tools"] = tools
        if functions:
            body["functions"] = functions
    choice = request.tool_choice
    if choice is None:
        return
    if spelling.said(choice.extras, spelling.LEGACY):
        body["function_call"] = write_legacy_choice(choice)
    else:
        body["tool_choice"] = write_choice(choice, request.tools or ())


def _write_stream_options(request: Request) -> dict[str, JSON] | None:
    written: dict[str, JSON] = {} if request.stream_usage is None else {"include_usage": request.stream_usage}
    return spelling.with_inner(written, request.extras, "stream_options") or None


def _read_logprobs(wire: WireRequest, members: dict[str, JSON]) -> int | None:
    said = {"logprobs": wire.logprobs, "top_logprobs": wire.top_logprobs}
    if wire.logprobs is not None or wire.top_logprobs is not None:
        members[spelling.LOGPROBS] = {name: value for name, value in said.items() if value is not None}
    return (wire.top_logprobs or 0) if wire.logprobs else None


def _write_logprobs(request: Request) -> dict[str, JSON]:
    written = request.extras.get(spelling.NAME, {}).get(spelling.LOGPROBS)
    if written is not None:
        return dict(written)
    return {} if request.logprobs is None else {"logprobs": True, "top_logprobs": request.logprobs or None}


def _write_stop(request: Request) -> str | list[str] | None:
    if request.stop is None:
        return None
    if len(request.stop) == 1 and spelling.said(request.extras, spelling.BARE):
        return request.stop[0]
    return list(request.stop)


def _write_output(output: Output) -> dict[str, JSON]:
    body: dict[str, JSON] = {"type": output.kind.value}
    if output.kind is OutputKind.JSON_SCHEMA:
        said = {"name": output.name, "description": output.description, "schema": output.schema, "strict": output.strict}
        schema = {name: value for name, value in said.items() if value is not None}
        body["json_schema"] = spelling.with_inner(schema, output.extras, "json_schema")
    return spelling.with_members(body, output.extras, "json_schema")
