"""Reasoning through the whole pipeline: out to a client of any format, back in its next request, and home."""

import json
from collections.abc import Sequence

import pytest
from attrs import define, evolve, field

from ccproxy_cli.backends.base import EventStream, Health, RelayedReply, RelayedStream
from ccproxy_cli.config.settings import ModelRule
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.parts import Part, Proof, ProofKind, Reasoning, Text, ToolCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.seal import MARKER
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from tests.pipeline.echoes import echo

KEY = bytes(range(32))
FORMAT_NAMES = list(FORMATS)
ANSWERS: dict[str, tuple[Part, ...]] = {
    "anthropic": (
        Reasoning("Let me see.", (Proof("anthropic", "c2lnMQ=="),)),
        Reasoning("", (Proof("anthropic", "aGlkZGVu", ProofKind.SEALED),)),
        Text("I read it."),
        ToolCall("toolu_1", "Read", '{"path":"a"}'),
    ),
    "openai-responses": (
        Reasoning("Let me see.", (Proof("openai-responses", "gAAAAblob", ProofKind.SEALED),)),
        Text("I read it."),
        ToolCall("call_1", "Read", '{"path":"a"}'),
    ),
    "gemini": (
        Text("I read it."),
        ToolCall("fc_1", "Read", '{"path":"a"}', proofs=(Proof("gemini", "c2lnMg=="),)),
        ToolCall("fc_2", "Read", '{"path":"b"}'),
    ),
}
SIGNATURE_REFUSED = UpstreamError(APIError(ErrorKind.INVALID_REQUEST, "messages.1.content.0: Invalid `signature` in `thinking` block", 400))


@define
class Scripted:
    """A backend that plays answers and errors, and keeps what it was sent, as its format writes it."""

    format: Format
    script: list[Response | UpstreamError]
    name: str = "scripted"
    sent: list[HTTPCall] = field(factory=list)
    relayed: list[HTTPCall] = field(factory=list)

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        call = self.format.encode_request(request, Profile(), losses)
        losses.refuse_if_strict()
        self.sent.append(call)
        return _played(self._next())

    async def relay(self, call: HTTPCall, stream: bool, client_key: str | None = None) -> RelayedReply | RelayedStream:
        self.relayed.append(call)
        return RelayedReply(200, self.format.encode_response(self._next(), Request("m", ())), {})

    async def pass_on(self, call: HTTPCall, client_key: str | None = None) -> HTTPReply:
        raise NotImplementedError

    def _next(self) -> Response:
        match self.script.pop(0):
            case UpstreamError() as error:
                raise error
            case answer:
                return answer

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        self.sent.append(self.format.encode_request(request, Profile(), losses))
        return TokenCount(1)

    async def models(self) -> Sequence[ModelInfo]:
        return ()

    async def health(self) -> Health:
        return Health(True, "")

    async def aclose(self) -> None: ...


async def _played(answer: Response) -> EventStream:
    for event in explode(answer):
        yield [event]


def pipeline_over(*backends: Scripted) -> Pipeline:
    rules = [ModelRule(f"{backend.name}-*", (f"{backend.name}/*",)) for backend in backends]
    rules.append(ModelRule("*", (f"{backends[0].name}/*",)))
    return Pipeline(RouteTable(rules, {}), {backend.name: backend for backend in backends}, seal_key=lambda: KEY)  # type: ignore[misc]


def answer(issuer: str) -> Response:
    return Response("resp_1", "model-1", ANSWERS[issuer], Finish(FinishReason.TOOL_CALLS), Usage(1, 0, 0, 2, 0), created=1)


LAST = Response("resp_2", "model-1", (Text("Done."),), Finish(FinishReason.STOP), Usage(1, 0, 0, 2, 0), created=1)


def exchange(client: Format, call: HTTPCall, *, strict: bool = False, client_key: str | None = None) -> Exchange:
    return Exchange("id", client, call, strict=strict, client_key=client_key)


def first_call(client: Format, *, streaming: bool) -> HTTPCall:
    """A client's opening request."""
    call = echo(client, Response("r", "m", (), Finish(FinishReason.STOP)))
    if client.name == "gemini":
        path = "/models/model-1:streamGenerateContent" if streaming else call.path
        return evolve(call, path=path, query="alt=sse" if streaming else "")
    return evolve(call, body=json.dumps({**json.loads(call.body), "stream": streaming}).encode())


async def got(pipeline: Pipeline, doing: Exchange) -> Response:
    """The answer as the client reads it."""
    reply = await pipeline.generate(doing)
    if reply.chunks is None:
        return doing.format.decode_response(reply.body)
    decoder = doing.format.stream_decoder()
    data = b"".join([chunk async for chunk in reply.chunks])
    return fold([*decoder.feed(data), *decoder.close()])


def history(spoken: Format, call: HTTPCall) -> list[Part]:
    """The assistant's parts that hold proofs or call, as the upstream reads them."""
    request = spoken.decode_request(call, Losses())
    parts = [part for message in request.messages if message.role is Role.ASSISTANT for part in message.parts]
    return [part for part in parts if isinstance(part, Reasoning | Text | ToolCall) and (part.proofs or isinstance(part, ToolCall))]


def proven(parts: Sequence[Part]) -> list[tuple[type[Part], str, tuple[Proof, ...]]]:
    return [
        (type(part), part.text if isinstance(part, Reasoning) else "", part.proofs)
        for part in parts
        if isinstance(part, Reasoning | Text | ToolCall) and (part.proofs or isinstance(part, ToolCall))
    ]


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("client_name", FORMAT_NAMES)
@pytest.mark.parametrize("issuer", list(ANSWERS))
async def test_a_tool_loop_hands_the_issuer_its_proofs_back(issuer: str, client_name: str, streaming: bool) -> None:
    client, backend = FORMATS[client_name], Scripted(FORMATS[issuer], [answer(issuer), LAST])
    pipeline = pipeline_over(backend)
    first = await got(pipeline, exchange(client, first_call(client, streaming=streaming)))
    second = exchange(client, echo(client, first))
    assert [part.text for part in (await got(pipeline, second)).parts if isinstance(part, Text)] == ["Done."]
    upstream = FORMATS[issuer]
    calls = backend.relayed if client is upstream else backend.sent
    assert proven(history(upstream, calls[-1])) == proven(ANSWERS[issuer])
    assert second.relayed == (client is upstream)
    assert MARKER.encode() not in calls[-1].body


@pytest.mark.parametrize(("issuer", "client_name"), [(issuer, name) for issuer in ANSWERS for name in ANSWERS if name != issuer])
async def test_the_clients_own_vendor_is_never_shown_what_another_signed(issuer: str, client_name: str) -> None:
    """The user changes the model in mid-conversation: the same-format lane would hand the envelope on."""
    client = FORMATS[client_name]
    foreign = Scripted(FORMATS[issuer], [answer(issuer)], "foreign")
    own = Scripted(client, [LAST], "own")
    pipeline = pipeline_over(foreign, own)
    first = await got(pipeline, exchange(client, first_call(client, streaming=False)))
    call = echo(client, first)
    moved = evolve(call, path=call.path.replace("model-1", "own-1"), body=call.body.replace(b'"model-1"', b'"own-1"'))
    second = exchange(client, moved)
    await got(pipeline, second)
    assert (len(own.sent), len(own.relayed), second.relayed) == (1, 0, False)
    assert MARKER.encode() not in own.sent[0].body
    assert all(not part.proofs for part in history(client, own.sent[0]) if isinstance(part, ToolCall | Reasoning | Text))
    assert not any(isinstance(part, Reasoning) for part in history(client, own.sent[0]))
    assert len(second.losses) > 0


@pytest.mark.parametrize("client_name", ["anthropic", "openai-responses"])
async def test_thoughts_that_nobody_signed_cost_no_refused_try(client_name: str) -> None:
    """The user begins with a server that signs nothing, and goes on with the vendor of the client."""
    client, unsigned = FORMATS[client_name], evolve(answer("gemini"), parts=(Reasoning("A plan."), Text("I read it.")))
    foreign, own = Scripted(FORMATS["openai-chat"], [unsigned, LAST], "foreign"), Scripted(client, [LAST], "own")
    pipeline = pipeline_over(foreign, own)
    call = echo(client, await got(pipeline, exchange(client, first_call(client, streaming=True))))
    await got(pipeline, exchange(client, call))
    assert MARKER.encode() not in foreign.sent[1].body
    moved = exchange(client, evolve(call, body=call.body.replace(b'"model-1"', b'"own-1"')))
    await got(pipeline, moved)
    assert (len(own.sent), len(own.relayed)) == (1, 0)
    assert b"I read it." in own.sent[0].body
    assert b"A plan." not in own.sent[0].body
    assert [loss.field for loss in moved.losses] == ["messages[1].content[0]"]


async def test_a_gemini_client_that_forgets_its_thoughts_is_reminded() -> None:
    """Gemini CLI sends calls and signatures back, and no thoughts."""
    client, backend = FORMATS["gemini"], Scripted(FORMATS["anthropic"], [answer("anthropic"), LAST])
    pipeline = pipeline_over(backend)
    first = await got(pipeline, exchange(client, first_call(client, streaming=True)))
    forgetful = evolve(first, parts=tuple(part for part in first.parts if not isinstance(part, Reasoning)))
    await got(pipeline, exchange(client, echo(client, forgetful)))
    assert proven(history(FORMATS["anthropic"], backend.sent[-1])) == proven(ANSWERS["anthropic"])


@pytest.mark.parametrize("known_by", ["client_key", "client"])
async def test_a_chat_client_is_reminded_under_its_own_key_or_name_alone(known_by: str) -> None:
    def known(doing: Exchange, name: str) -> Exchange:
        setattr(doing, known_by, name)
        return doing

    client, backend = FORMATS["openai-chat"], Scripted(FORMATS["anthropic"], [answer("anthropic"), LAST, LAST])
    pipeline = pipeline_over(backend)
    first = await got(pipeline, known(exchange(client, first_call(client, streaming=False)), "Ann"))
    for name, reminded in (("Ann", True), ("Bob", False)):
        await got(pipeline, known(exchange(client, echo(client, first)), name))
        found = any(isinstance(part, Reasoning) for part in history(FORMATS["anthropic"], backend.sent[-1]))
        assert found == reminded


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("issuer", list(ANSWERS))
async def test_a_chat_client_is_reminded_of_what_led_to_words_alone(issuer: str, streaming: bool) -> None:
    client, proof = FORMATS["openai-chat"], Proof(issuer, "c2lnMw==", FORMATS[issuer].proof_slot.kind)  # type: ignore[union-attr]
    thought = Response(
        "resp_1", "model-1", (Reasoning("Let me see.", (proof,)), Text("Ten miles.")), Finish(FinishReason.STOP), Usage(1, 0, 0, 2, 0)
    )
    backend = Scripted(FORMATS[issuer], [thought, LAST])
    pipeline = pipeline_over(backend)
    asking = {"model": "model-1", "messages": [{"role": "user", "content": "hi"}], "stream": streaming}
    first = await got(pipeline, exchange(client, evolve(first_call(client, streaming=False), body=json.dumps(asking).encode())))
    await got(pipeline, exchange(client, echo(client, first)))
    assert proven(history(FORMATS[issuer], backend.sent[-1])) == [(Reasoning, "Let me see.", (proof,))]


async def test_the_proof_of_its_last_words_is_remembered_for_a_client_that_shows_what_comes_last() -> None:
    client, issuer, proof = FORMATS["anthropic"], FORMATS["gemini"], Proof("gemini", "c2lnMw==")
    said = (Reasoning("Let me see."), Text("Ten miles."), Text(proofs=(proof,)))
    backend = Scripted(issuer, [Response("resp_1", "model-1", said, Finish(FinishReason.STOP), Usage(1, 0, 0, 2, 0)), LAST])
    pipeline = pipeline_over(backend)
    asking = {"model": "model-1", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    doing = exchange(client, evolve(first_call(client, streaming=False), body=json.dumps(asking).encode()))
    first = await got(pipeline, doing)
    assert first.parts[-1] == Text("Ten miles.")
    assert not doing.losses
    await got(pipeline, exchange(client, echo(client, first)))
    assert proven(history(issuer, backend.sent[-1])) == [(Text, "", (proof,))]


async def test_an_envelope_is_taken_off_before_tokens_are_counted() -> None:
    client = FORMATS["anthropic"]
    backend = Scripted(FORMATS["gemini"], [answer("gemini")])
    pipeline = pipeline_over(backend)
    first = await got(pipeline, exchange(client, first_call(client, streaming=False)))
    counted = evolve(echo(client, first), path="/v1/messages/count_tokens")
    body = {name: value for name, value in json.loads(counted.body).items() if name != "max_tokens"}
    await pipeline.count_tokens(exchange(client, evolve(counted, body=json.dumps(body).encode())))
    assert proven(history(FORMATS["gemini"], backend.sent[-1])) == proven(ANSWERS["gemini"])


# Refused proofs


def replaying(client: Format) -> HTTPCall:
    own = Response(
        "r", "m", (Reasoning("t", (Proof("anthropic", "stale"),)), ToolCall("toolu_1", "Read", "{}")), Finish(FinishReason.TOOL_CALLS)
    )
    return echo(client, own)


async def test_a_refused_signature_is_left_out_once_and_told() -> None:
    client = FORMATS["anthropic"]
    backend = Scripted(client, [SIGNATURE_REFUSED, LAST])
    doing = exchange(client, replaying(client))
    reply = await pipeline_over(backend).generate(doing)
    assert reply.status == 200
    assert (len(backend.relayed), len(backend.sent), doing.relayed) == (1, 1, False)
    assert b"stale" in backend.relayed[0].body
    assert b"stale" not in backend.sent[0].body
    assert b"toolu_1" in backend.sent[0].body
    assert reply.headers["x-ccproxy-losses"] == "messages[1].content[0]"


async def test_a_second_refusal_is_the_clients_to_see() -> None:
    client = FORMATS["anthropic"]
    backend = Scripted(client, [SIGNATURE_REFUSED, SIGNATURE_REFUSED, LAST])
    with pytest.raises(UpstreamError, match="signature"):
        await pipeline_over(backend).generate(exchange(client, replaying(client)))
    assert len(backend.script) == 1


@pytest.mark.parametrize("strict", [True, False])
async def test_who_wants_no_loss_or_has_nothing_to_lose_gets_the_error(strict: bool) -> None:
    client = FORMATS["anthropic"]
    backend = Scripted(client, [SIGNATURE_REFUSED, LAST])
    call = replaying(client) if strict else first_call(client, streaming=False)
    with pytest.raises(UpstreamError, match="signature"):
        await pipeline_over(backend).generate(exchange(client, call, strict=strict))
    assert len(backend.script) == 1


async def test_other_errors_are_not_tried_again() -> None:
    client = FORMATS["anthropic"]
    too_large = UpstreamError(APIError(ErrorKind.TOO_LARGE, "Invalid `signature` in `thinking` block", 413))
    backend = Scripted(client, [too_large, LAST])
    with pytest.raises(UpstreamError):
        await pipeline_over(backend).generate(exchange(client, replaying(client)))
    assert len(backend.script) == 1


async def test_a_refusal_through_another_format_is_left_out_too() -> None:
    """A proof in our own envelope can be stale like any other: the account has changed, say."""
    client, issuer = FORMATS["openai-responses"], FORMATS["anthropic"]
    backend = Scripted(issuer, [answer("anthropic"), SIGNATURE_REFUSED, LAST])
    pipeline = pipeline_over(backend)
    first = await got(pipeline, exchange(client, first_call(client, streaming=False)))
    await got(pipeline, exchange(client, echo(client, first)))
    assert [len(history(issuer, call)) for call in backend.sent] == [0, 3, 1]


async def test_what_was_refused_once_is_not_shown_again() -> None:
    """The client replays the stale proof with every request, and by and by new ones that are good."""
    client, doing = FORMATS["anthropic"], []
    fresh = Response(
        "r", "m", (Reasoning("t", (Proof("anthropic", "fresh"),)), ToolCall("toolu_2", "Read", "{}")), Finish(FinishReason.TOOL_CALLS)
    )
    backend = Scripted(client, [SIGNATURE_REFUSED, LAST, LAST, LAST])
    pipeline = pipeline_over(backend)
    both = json.loads(replaying(client).body)
    both["messages"] += json.loads(echo(client, fresh).body)["messages"][1:]
    later = evolve(replaying(client), body=json.dumps(both).encode())
    for call in (replaying(client), later, first_call(client, streaming=False)):
        doing.append(exchange(client, call))
        await pipeline.generate(doing[-1])
    assert (len(backend.relayed), len(backend.sent)) == (2, 2)
    assert b"stale" not in backend.sent[1].body
    assert b"fresh" in backend.sent[1].body
    assert b"toolu_1" in backend.sent[1].body
    assert [[loss.field for loss in one.losses] for one in doing] == [["messages[1].content[0]"], ["messages[1].content[0]"], []]
    assert doing[2].relayed


async def test_what_one_client_was_refused_says_nothing_about_another() -> None:
    client = FORMATS["anthropic"]
    backend = Scripted(client, [SIGNATURE_REFUSED, LAST, LAST])
    pipeline = pipeline_over(backend)
    for key in ("Ann", "Bob"):
        await pipeline.generate(exchange(client, replaying(client), client_key=key))
    assert (len(backend.relayed), len(backend.sent)) == (2, 1)
