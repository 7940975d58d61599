"""Recorded conversations that replay reasoning, held through a client of every other format: each proof reaches its issuer byte for byte,
where it hung, and what was said before does not change when the conversation grows.
"""

import asyncio
import itertools
import json
from collections import defaultdict
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.core.extras import NO_EXTRAS, Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Media, Part, Proof, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.homing import bring_home
from ccproxy_cli.pipeline.memory import RecentTurns, remember, with_recalled
from ccproxy_cli.pipeline.proofs import Outbound
from tests.corpus.entries import Entry, entries, needs_corpus

ENDPOINTS = {
    "anthropic": ("messages",),
    "openai-responses": ("responses",),
    "gemini": ("generateContent", "streamGenerateContent"),
}
ABLE = Profile(reasoning=ReasoningStyle.ADAPTIVE, max_output=64_000, late_system=True, result_media=True)
pytestmark = [needs_corpus, pytest.mark.corpus]


def key() -> bytes:
    return bytes(range(32))


def recorded(entry: Entry) -> Request:
    path = f"/models/{entry.meta['url'].rpartition('/models/')[2].partition('?')[0]}" if entry.format == "gemini" else "/"
    return FORMATS[entry.format].decode_request(HTTPCall("POST", path, entry.request or b""), Losses())


def proofs_of(part: Part) -> tuple[Proof, ...]:
    return part.proofs if isinstance(part, Reasoning | Text | ToolCall) else ()


def replayed(request: Request) -> list[tuple[str, str, str]]:
    """Every proof in a request: on what it hangs, the words it vouches for, and its bytes."""
    return [
        (type(part).__name__, part.text if isinstance(part, Reasoning) else part.name if isinstance(part, ToolCall) else "", proof.payload)
        for message in request.messages
        if message.role is Role.ASSISTANT
        for part in message.parts
        if isinstance(part, Reasoning | Text | ToolCall)
        for proof in part.proofs
    ]


def answered(message: Message) -> list[Any]:
    """The message as the answer it once was."""
    return list(explode(Response("r", "m", message.parts, Finish(FinishReason.STOP))))


def held_by(client: Format, request: Request) -> HTTPCall:
    """The same conversation as a client of that format would hold and send it."""
    messages: list[Message] = []
    for message in request.messages:
        message = evolve(message, parts=_said(message.parts))
        if message.role is Role.ASSISTANT:
            outbound = Outbound(client, key)
            parts = fold(ready for event in answered(message) for ready in outbound.feed(event)).parts
            message = evolve(message, parts=parts, flat=False)
        messages.append(message)
    plain = evolve(request, messages=tuple(messages), extras=NO_EXTRAS, tools=None, tool_choice=None, output=None)
    return client.encode_request(plain, ABLE, Losses())


def _said(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts with a word for every medium: not each can be told to each client, and none has a proof."""
    named: list[Part] = []
    for part in parts:
        match part:
            case Media(kind):
                named.append(Text(f"[{kind}]"))
            case ToolResult():
                named.append(evolve(part, parts=_said(part.parts), flat=False))
            case _:
                named.append(part)
    return tuple(named)


def sent_home(client: Format, request: Request) -> bytes:
    """What the issuer is sent when a client of that format goes on with the conversation."""
    issuer = FORMATS[request_format(request)]
    home = client.decode_request(held_by(client, request), Losses())
    if client.proof_slot is not None:
        home = bring_home(home, client.name, key, Losses())
    if client.proof_slot is None or not client.proof_slot.thoughts_return:
        home = asyncio.run(_recalled(client, request, home))
    return issuer.encode_request(evolve(home, model=request.model), ABLE, Losses()).body


def request_format(request: Request) -> str:
    (name,) = request.extras
    return name


async def _recalled(client: Format, request: Request, home: Request) -> Request:
    """The client's conversation with what is remembered of each of its answers."""
    memory = RecentTurns(lambda: 0.0)
    answers, places = runs(request), runs(home)
    assert len(answers) == len(places)
    for answer, place in zip(answers, places, strict=True):
        parts = [part for message in request.messages[answer] for part in message.parts]
        await remember(parts, memory, client.name, "", home.messages[: place.start])
    return await with_recalled(home, memory, "", request_format(request))


def runs(request: Request) -> list[slice]:
    """Where the assistant says or calls something."""
    found, start = [], 0
    for role, said in itertools.groupby(request.messages, key=lambda message: message.role):
        run = list(said)
        if role is Role.ASSISTANT and any(_is_heard(part) for message in run for part in message.parts):
            found.append(slice(start, start + len(run)))
        start += len(run)
    return found


def _is_heard(part: Part) -> bool:
    return isinstance(part, ToolCall) or (isinstance(part, Text) and part.text != "")


def loops(issuer: str) -> list[Entry]:
    """The recorded requests that replay a proof."""
    found = [entry for entry in entries(issuer, *ENDPOINTS[issuer]) if entry.ok and entry.request is not None]
    return [entry for entry in found if replayed(recorded(entry))]


def wanted(client: Format, request: Request) -> list[tuple[str, str, str]]:
    """A client without a place for proofs is reminded of those that led to calls or words."""
    if client.proof_slot is not None:
        return replayed(request)
    kept = [message for run in runs(request) for message in request.messages[run]]
    return replayed(evolve(request, messages=tuple(kept)))


PAIRS = [(issuer, client) for issuer in ENDPOINTS for client in FORMATS if client != issuer]


@pytest.mark.parametrize(("issuer", "client_name"), PAIRS)
def test_every_recorded_proof_reaches_its_issuer(issuer: str, client_name: str) -> None:
    client, lost = FORMATS[client_name], {}
    found = loops(issuer)
    for entry in found:
        request = recorded(entry)
        call = HTTPCall("POST", "/models/m:generateContent", sent_home(client, request))
        got = replayed(FORMATS[issuer].decode_request(call, Losses()))
        if got != wanted(client, request):
            lost[entry.name] = (wanted(client, request), got)
    assert not lost
    assert len(found) > 15


def history(body: bytes) -> list[Any]:
    """The messages of a body, without the cache marks, which move with the end."""
    value = json.loads(body)
    messages = value.get("messages") or value.get("input") or value["contents"]
    return [_unmarked(message) for message in messages] if isinstance(messages, list) else [messages]


def _unmarked(value: Any) -> Any:
    match value:
        case dict():
            return {name: _unmarked(inner) for name, inner in value.items() if name != "cache_control"}
        case list():
            return [_unmarked(inner) for inner in value]
        case _:
            return value


EXCEPTIONS = {
    "pydantic.pydantic-ai__test_google_test_google_instructions_only_with_tool_calls__1": "begins with an empty message of the user, which"
    " other formats leave out or fill"
}


def turns(issuer: str) -> list[tuple[Entry, Entry]]:
    """Pairs of recorded requests of which the second goes on where the first ended."""
    sessions = defaultdict(list)
    for entry in entries(issuer, *ENDPOINTS[issuer]):
        if entry.ok and entry.request is not None:
            sessions[entry.meta["session"]].append(entry)
    found = []
    for session in sessions.values():
        session.sort(key=lambda entry: int(entry.meta["interaction_index"]))
        for first, second in itertools.pairwise(session):
            before, after = history(first.request or b""), history(second.request or b"")
            if second.name not in EXCEPTIONS and after[: len(before)] == before and replayed(recorded(second)):
                found.append((first, second))
    return found


@pytest.mark.parametrize(("issuer", "client_name"), PAIRS)
def test_what_was_said_stays_as_it_was(issuer: str, client_name: str) -> None:
    client, pairs = FORMATS[client_name], turns(issuer)
    for first, second in pairs:
        before, after = (history(sent_home(client, recorded(entry))) for entry in (first, second))
        assert after[: len(before)] == before, second.name
    assert len(pairs) >= 9
