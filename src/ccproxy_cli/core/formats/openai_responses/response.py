"""Whole answers, both ways."""

from collections.abc import Sequence
from typing import Any

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.extras import NOTE, Losses
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats._openai.logprobs import read_logprobs, write_logprobs
from ccproxy_cli.core.formats._openai.tiers import read_tier
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.errors import error_in_answer
from ccproxy_cli.core.formats.openai_responses.finish import finish_of, read_usage, write_finish, write_usage
from ccproxy_cli.core.formats.openai_responses.items import read_item, write_items
from ccproxy_cli.core.formats.openai_responses.output import Dresser, answer_id, dress
from ccproxy_cli.core.formats.openai_responses.request import write_settings
from ccproxy_cli.core.formats.openai_responses.wire import KIT, NAME, WireCallOutput, WireItem, WireResponse
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.left_behind import leave_ending
from ccproxy_cli.core.logprobs import TokenLogprob, allot
from ccproxy_cli.core.parts import Opaque, Part, Refusal
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish, Response

NO_OUTPUT = NOTE + "no output"
"""`output` was absent."""
GONE = NOTE + "gone"
"""Members that a stream began with and did not end with."""
_WRITTEN = frozenset({"id", "created_at", "model", "output", "usage"})
"""Members of an answer that the vocabulary holds."""
_ECHO: dict[str, JSON] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What an answer says of its request, where the request said nothing."""


def decode_response(body: bytes) -> Response:
    """An upstream's answer.

    Raises:
        UpstreamError: it says that something went wrong, although its status said otherwise.
        BadUpstream: it is no answer.
    """
    value = parse(body, BadUpstream)
    if isinstance(value, dict):
        raise_failure(value)
    wire = KIT.read(value, WireResponse, BadUpstream)
    if wire.output is None and wire.status in (None, "completed"):
        raise BadUpstream("upstream's answer has no output")
    parts = tuple(part for index, item in enumerate(wire.output or ()) for part in read_output(item, f"output[{index}]"))
    return Response(
        id=wire.id or "",
        model=wire.model or "",
        parts=parts,
        finish=finish_of(wire.status, wire.incomplete_details, parts),
        usage=read_usage(wire.usage),
        created=None if wire.created_at is None else int(wire.created_at),
        service_tier=read_tier(value),
        logprobs=logprobs_of(value.get("output")),
        extras={NAME: members_of(value)},
    )


def raise_failure(value: dict[str, Any]) -> None:
    """Raises `UpstreamError` if an answer is one of failure."""
    if value.get("status") in ("failed", "cancelled") or (value.get("error") and not value.get("output")):
        raise UpstreamError(error_in_answer(value))


def read_output(item: WireItem, path: str) -> tuple[Part, ...]:
    """The parts of one output item. What only a request should hold is kept as it is."""
    if isinstance(item, WireCallOutput):
        return (Opaque(NAME, KIT.write(item)),)
    return read_item(item, path, BadUpstream)


def members_of(value: dict[str, Any]) -> dict[str, JSON]:
    """What rides along with an answer: never empty, so that it also tells that the answer is ours."""
    members = {name: member for name, member in value.items() if name not in _WRITTEN or member is None}
    created = value.get("created_at")
    if type(created) is float and not created.is_integer():
        members["created_at"] = created
    if "output" not in value:
        members[NO_OUTPUT] = True
    return members


def encode_response(response: Response, request: Request, losses: Losses | None = None) -> bytes:
    """The answer to a client."""
    if spelling.is_own(response.extras):
        return dumps(_write_own(response))
    losses = Losses() if losses is None else losses
    given = answer_id(response.id, response.model, response.created)
    parts = response.parts
    if response.finish.explanation is not None and not any(isinstance(part, Refusal) for part in parts):
        parts = (*parts, Refusal(response.finish.explanation))
    items = write_items(tuple(dress(parts, Dresser.for_answer(given, request, losses))), "output")
    leave_ending(response.finish, response.usage, NAME, losses)
    body = {
        **shell(given, response.model, response.created, request),
        **ending(response.finish, parts),
        "output": with_logprobs([write_item(item) for item in items], response.logprobs),
        "usage": write_usage(response.usage),
    }
    return dumps(body if response.service_tier is None else {**body, "service_tier": response.service_tier})


def logprobs_of(output: JSON) -> tuple[TokenLogprob, ...]:
    """The tokens of all texts among an answer's items."""
    messages = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    contents = [content for item in messages if isinstance(item.get("content"), list) for content in item["content"]]
    return tuple(token for content in contents if isinstance(content, dict) for token in read_logprobs(content.get("logprobs")))


def with_logprobs(output: list[JSON], tokens: Sequence[TokenLogprob]) -> list[JSON]:
    """The items of an answer of another format, the tokens of each text beside it."""
    if tokens:
        contents = [content for item in output if item["type"] == "message" for content in item["content"] if "text" in content]
        for content, some in zip(contents, allot(tokens, [content["text"] for content in contents]), strict=True):
            content["logprobs"] = write_logprobs(some)
    return output


def write_item(item: WireItem) -> dict[str, JSON]:
    """An item's JSON."""
    return item.raw if isinstance(item, Unknown) else KIT.write(item)


def ending(finish: Finish, parts: tuple[Part, ...]) -> dict[str, JSON]:
    """The members that say how an answer of another format ended."""
    status, details = write_finish(finish, refused=any(isinstance(part, Refusal) for part in parts))
    return {"status": status, "incomplete_details": details}


def shell(given: str, model: str, created: int | None, request: Request) -> dict[str, JSON]:
    """An answer without content: who answers, and what was asked, which official clients want to hear again."""
    asked = KIT.write(write_settings(request))
    echo = {name: asked.get(name, value) for name, value in _ECHO.items()}
    return {
        "id": given,
        "object": "response",
        "created_at": created or 0,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        **echo,
        "reasoning": {"effort": None, "summary": None, **(echo["reasoning"] or {})},
        "text": {"format": {"type": "text"}, **(echo["text"] or {})},
        "store": spelling.said(request.extras, spelling.KEPT),
        "previous_response_id": spelling.noted(request.extras, spelling.KEPT),
        "usage": None,
    }


def started(members: dict[str, JSON], given: str, model: str, created: int | None) -> dict[str, JSON]:
    """An answer of this format before it has said anything."""
    reset = {"status": "in_progress", "incomplete_details": None, "completed_at": None}
    body = {"object": "response", **members, **{name: value for name, value in reset.items() if name in members}}
    return {**body, "id": given, "created_at": created or 0, "model": model, "status": "in_progress", "output": [], "usage": None}


def _write_own(response: Response) -> dict[str, JSON]:
    members = dict(response.extras.get(NAME, {}))
    for name in members.pop(GONE, ()):
        members.pop(name, None)
    body: dict[str, JSON] = {"id": response.id, "created_at": response.created, "model": response.model}
    body = {name: value for name, value in body.items() if value not in (None, "")}
    if not members.pop(NO_OUTPUT, False) or response.parts:
        body["output"] = [write_item(item) for item in write_items(response.parts, "output")]
    usage = write_usage(response.usage)
    if usage is not None:
        body["usage"] = usage
    return {**body, **{name: member for name, member in members.items() if member is not None or name not in body}}
