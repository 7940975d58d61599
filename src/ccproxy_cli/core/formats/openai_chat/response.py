"""Whole answers, both ways.

An answer of several choices is its first; the others ride along as they are and come out again in this format.
"""

from collections.abc import Callable, Sequence

from attrs import evolve

from ccproxy_cli.core.citations import Citation, spread
from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.extras import Extras, Losses
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats._openai.citations import read_annotation
from ccproxy_cli.core.formats._openai.logprobs import read_logprobs, write_logprobs
from ccproxy_cli.core.formats._openai.tiers import read_tier
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.assistant import read_assistant, write_assistant, write_foreign
from ccproxy_cli.core.formats.openai_chat.errors import error_in_answer
from ccproxy_cli.core.formats.openai_chat.finish import read_finish, read_usage, write_finish, write_usage
from ccproxy_cli.core.formats.openai_chat.tools import is_legacy
from ccproxy_cli.core.formats.openai_chat.wire import KIT, NAME, WireChoice, WireMessage, WireResponse
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.left_behind import leave_ending
from ccproxy_cli.core.logprobs import TokenLogprob
from ccproxy_cli.core.parts import Part, Refusal, Text, ToolCall
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Response

FURTHER = "choices"
"""Extra that holds the choices after the first, verbatim."""


def decode_response(body: bytes) -> Response:
    """An upstream's answer.

    Raises:
        UpstreamError: it says that something went wrong, although its status said otherwise.
        BadUpstream: it is no answer.
    """
    value = parse(body, BadUpstream)
    if isinstance(value, dict) and value.get("error"):
        raise UpstreamError(error_in_answer(value))
    further = _cut_further(value)
    wire = KIT.read(value if further is None else {**value, "choices": value["choices"][:1]}, WireResponse, BadUpstream)
    if not wire.choices:
        raise BadUpstream("upstream's answer has no choices")
    choice = wire.choices[0]
    said = choice.message or WireMessage(role="assistant")
    parts, flat, message = read_assistant(said, "choices[0].message", BadUpstream, id_maker(wire.id or ""))
    members = wire.extras | spelling.dotted("choice", _unusual(choice)) | spelling.dotted("message", message)
    if said.role != "assistant":
        members["message.role"] = said.role
    if choice.message is None:
        members |= spelling.note(spelling.NO_CONTENT)
    if wire.object != "chat.completion":
        members["object"] = wire.object
    if further is not None:
        members[FURTHER] = further
    if not flat and said.content is not None:
        members |= spelling.note(spelling.IN_PARTS)
    parts = _cited(parts, read_annotations(message.get("annotations")))
    calls = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    return Response(
        id=wire.id or "",
        model=wire.model or "",
        parts=parts,
        finish=read_finish(choice.finish_reason, calls=calls, refused=refused),
        usage=read_usage(wire.usage),
        created=None if wire.created is None else int(wire.created),
        service_tier=read_tier(wire.extras),
        logprobs=read_answer_logprobs(choice.extras.get("logprobs")),
        extras={NAME: members},
    )


def read_annotations(raw: JSON) -> list[Citation]:
    """The citations of a message's content, which here stand each in an object of its own."""
    wrapped = [each for each in raw if isinstance(each, dict)] if isinstance(raw, list) else []
    return [read_annotation(inner) for each in wrapped if isinstance(inner := each.get(str(each.get("type"))), dict)]


def _cited(parts: tuple[Part, ...], citations: Sequence[Citation]) -> tuple[Part, ...]:
    """The parts, each text with its citations, whose ranges count the whole content."""
    if not citations:
        return parts
    texts = iter(spread(citations, [len(part.text) for part in parts if isinstance(part, Text)]))
    return tuple(evolve(part, citations=tuple(next(texts))) if isinstance(part, Text) else part for part in parts)


def id_maker(answer_id: str) -> Callable[[str], str]:
    """Ids for calls that came without: they depend on the answer and the call's place in it alone."""
    made = 0

    def make(_: str) -> str:
        nonlocal made
        made += 1
        return "call_" + digest_id(f"{answer_id}/{made}")

    return make


def _cut_further(value: JSON) -> list[JSON] | None:
    """The choices after the first, if there are any."""
    choices = value.get("choices") if isinstance(value, dict) else None
    return choices[1:] if isinstance(choices, list) and len(choices) > 1 else None


def _unusual(choice: WireChoice) -> dict[str, JSON]:
    """What a choice holds besides its message and its finish, and these two where they are not what they always are."""
    members = dict(choice.extras)
    if choice.index != 0:
        members["index"] = choice.index
    if isinstance(choice.finish_reason, int):
        members["finish_reason"] = choice.finish_reason
    return members


def encode_response(response: Response, request: Request, losses: Losses | None = None) -> bytes:
    """The answer to a client. `request` says whether it speaks the words of before tools."""
    if spelling.is_own(response.extras):
        return dumps(_write_own(response))
    losses = Losses() if losses is None else losses
    legacy = any(is_legacy(tool) for tool in request.tools or ())
    parts = as_functions(response.parts) if legacy else response.parts
    message = write_foreign(parts, losses)
    if response.finish.explanation is not None and not message["refusal"]:
        message["refusal"] = response.finish.explanation
    leave_ending(response.finish, response.usage, NAME, losses)
    finish = "function_call" if "function_call" in message else write_finish(response.finish, parts)
    body: dict[str, JSON] = {
        "id": response.id or made_up_id(response.model, response.created),
        "object": "chat.completion",
        "created": response.created or 0,
        "model": response.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
    }
    if response.logprobs:
        body["choices"][0]["logprobs"] = write_answer_logprobs(response.logprobs)
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    usage = write_usage(response.usage)
    if usage is not None:
        body["usage"] = usage
    return dumps(body)


def read_answer_logprobs(raw: JSON) -> tuple[TokenLogprob, ...]:
    """What a choice's `logprobs` says of the content."""
    return read_logprobs(raw.get("content")) if isinstance(raw, dict) else ()


def write_answer_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, JSON]:
    """A choice's `logprobs`."""
    return {"content": write_logprobs(tokens), "refusal": None}


def made_up_id(model: str, created: int | None) -> str:
    """For an answer whose format has no ids."""
    return "chatcmpl-" + digest_id(f"{model}/{created}")


def as_functions(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with their first call in the words of before tools, which have no place for a second."""
    kept: list[Part] = [part for part in parts if not isinstance(part, ToolCall)]
    call = next((part for part in parts if isinstance(part, ToolCall)), None)
    if call is not None:
        kept.append(evolve(call, extras=spelling.ours(spelling.note(spelling.LEGACY))))
    return tuple(kept)


def _write_own(response: Response) -> JSON:
    members = spelling.own_members(response.extras, "choice", "message")
    outer = spelling.inner_members(response.extras, "choice")
    further = members.pop(FURTHER, [])
    choice = {
        "index": outer.pop("index", 0),
        "message": None if spelling.said(response.extras, spelling.NO_CONTENT) else _write_own_message(response),
        "finish_reason": response.finish.raw if outer.get("finish_reason") is None else outer.pop("finish_reason"),
    }
    body = {
        "id": response.id or None,
        "object": members.pop("object", "chat.completion"),
        "created": response.created,
        "model": response.model or None,
        "choices": [_stated(choice, outer), *further],
        "usage": write_usage(response.usage),
    }
    return _stated(body, members)


def _stated(body: dict[str, JSON], members: dict[str, JSON]) -> dict[str, JSON]:
    """What `body` says, and the members that rode along; a null of our own says nothing, one of theirs was written."""
    return {name: value for name, value in body.items() if value is not None} | {
        name: value for name, value in members.items() if body.get(name) is None
    }


def _write_own_message(response: Response) -> dict[str, JSON]:
    inner = spelling.inner_members(response.extras, "message")
    notes: Extras = {NAME: inner}
    members = spelling.own_members(notes)
    role = members.pop("role", "assistant")
    body = members if role is None else {"role": role, **members}
    flat = not spelling.said(response.extras, spelling.IN_PARTS)
    parts = _one_text(response.parts) if flat else response.parts
    write_assistant(body, parts, flat=flat, notes=notes, path="choices[0].message")
    return body


def _one_text(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts with their texts joined, as a stream may have told them between calls."""
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(texts) < 2:
        return parts
    return [Text("".join(texts)), *(part for part in parts if not isinstance(part, Text))]
