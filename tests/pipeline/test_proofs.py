"""Every proof comes home to its issuer byte for byte, through a client of any format, and no other vendor ever sees it."""

import base64
import json
from collections.abc import Iterator

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.events import CitationDelta, Event, PartEnd, PartStart, Ping, ProofDelta, ResponseEnd, ResponseStart, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.parts import Part, Proof, ProofKind, Reasoning, Text, ToolCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.seal import MARKER, Place, seal
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.homing import bring_home, holds_envelopes, may_hold_envelopes, only_own
from ccproxy_cli.pipeline.proofs import Outbound
from tests.pipeline.echoes import ASKED, bodied, decoded, echo, key, streamed, whole

SLOTTED = [format_ for format_ in FORMATS.values() if format_.proof_slot is not None]
CLIENT = pytest.mark.parametrize("client", SLOTTED, ids=lambda format_: format_.name)
ISSUER = pytest.mark.parametrize("issuer", SLOTTED, ids=lambda format_: format_.name)

WORDS = st.text("abc \n你", min_size=1, max_size=12).filter(str.strip)
# The one that stands for none is no proof, and easily found among the constants of the sources.
PAYLOADS = st.binary(min_size=1, max_size=40).filter(lambda raw: b"_" not in raw).map(lambda raw: base64.b64encode(raw).decode())


def proofs_of(part: Part) -> tuple[Proof, ...]:
    return part.proofs if isinstance(part, Reasoning | Text | ToolCall) else ()


@st.composite
def answers(draw: st.DrawFn, issuer: str) -> Response:
    """An answer as this issuer gives them, proofs where it hangs them."""
    one = st.builds(Proof, st.just(issuer), PAYLOADS)
    sealed = st.builds(Proof, st.just(issuer), PAYLOADS, st.just(ProofKind.SEALED))
    parts: list[Part] = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from(["thought", "hidden", "text", "call"]), max_size=5))):
        match kind, issuer:
            case "thought", "gemini":
                parts.append(Reasoning(draw(WORDS)))
            case "hidden", "gemini":
                parts.append(Text("", proofs=(draw(one),)))
            case "thought", "openai-responses":
                parts.append(Reasoning(draw(WORDS), (draw(sealed),)))
            case "thought", _:
                parts.append(Reasoning(draw(WORDS), (draw(one),)))
            case "hidden", "openai-responses":
                parts.append(Reasoning("", (draw(sealed),)))
            case "hidden", _:
                parts.append(Reasoning("", (draw(one | sealed),)))
            case "text", _:
                parts.append(Text(draw(WORDS), proofs=draw(st.tuples(one) | st.just(())) if issuer == "gemini" else ()))
            case _:
                signed = draw(st.tuples(one) | st.just(())) if issuer == "gemini" else ()
                parts.append(ToolCall(f"call_{index}", draw(st.sampled_from(["Read", "Bash"])), '{"a":1}', proofs=signed))
    called = any(isinstance(part, ToolCall) for part in parts)
    return Response(
        "resp_1", "model-1", tuple(parts), Finish(FinishReason.TOOL_CALLS if called else FinishReason.STOP), Usage(1, 0, 0, 2, 0)
    )


def sent_out(client: Format, events: list[Event]) -> list[Event]:
    outbound = Outbound(client, key)
    return [ready for event in events for ready in outbound.feed(event)]


def brought_home(client: Format, parts: tuple[Part, ...], losses: Losses | None = None) -> tuple[Part, ...]:
    request = Request("m", (Message(Role.USER, (Text("hi"),)), Message(Role.ASSISTANT, parts)))
    home = bring_home(request, client.name, key, Losses() if losses is None else losses)
    return home.messages[1].parts if len(home.messages) > 1 else ()


def hung(parts: tuple[Part, ...]) -> list[tuple[object, ...]]:
    """Every proof and what it hangs on; unsigned thoughts left out, unsigned words joined."""
    found: list[tuple[object, ...]] = []
    for part in parts:
        match part:
            case Reasoning(text, proofs) if proofs:
                found.append(("reasoning", text, proofs))
            case Text(text, proofs=()) if found and found[-1][0] == "words":
                found[-1] = ("words", f"{found[-1][1]}{text}")
            case Text(text, proofs=()) if text:
                found.append(("words", text))
            case Text(text) if text or part.proofs:
                found.append(("text", text, part.proofs))
            case ToolCall():
                found.append(("call", part.name, part.proofs))
            case _:
                pass
    return found


def spoken(parts: tuple[Part, ...]) -> list[str]:
    """What the user and the tools get to see."""
    said = [part.text if isinstance(part, Text) else part.call_id for part in parts if isinstance(part, ToolCall | Text)]
    return [each for each in said if each]


# In the vocabulary


@CLIENT
@ISSUER
@given(st.data())
@settings(max_examples=50)
def test_what_goes_out_is_the_same_answer_without_a_foreign_proof(issuer: Format, client: Format, data: st.DataObject) -> None:
    answer = data.draw(answers(issuer.name))
    out = fold(sent_out(client, whole(answer)))
    assert all(proof.issuer == client.name for part in out.parts for proof in proofs_of(part))
    assert all(len(proofs_of(part)) <= 1 for part in out.parts)
    assert spoken(out.parts) == spoken(answer.parts)
    thoughts = "".join(part.text for part in answer.parts if isinstance(part, Reasoning))
    assert "".join(part.text for part in out.parts if isinstance(part, Reasoning)) == thoughts
    assert (out.finish, out.usage) == (answer.finish, answer.usage)


@CLIENT
@ISSUER
@given(st.data())
@settings(max_examples=50)
def test_every_proof_comes_home_to_where_it_hung(issuer: Format, client: Format, data: st.DataObject) -> None:
    answer = data.draw(answers(issuer.name))
    out = fold(sent_out(client, whole(answer)))
    assert hung(brought_home(client, out.parts)) in [hung(parts) for parts in homes(client, answer.parts)]


def homes(client: Format, parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    """What may come home: all, or for clients who show what comes last, all but the proofs of the last words."""
    yield parts
    assert client.proof_slot
    for index in range(len(parts) - 1, -1, -1):
        last = parts[index]
        if client.proof_slot.may_end or not isinstance(last, Text):
            return
        parts = (*parts[:index], *((evolve(last, proofs=()),) if last.text else ()), *parts[index + 1 :])
        yield parts


def ending_well(client: Format, answer: Response) -> Response:
    """The answer without those proofs of its last words that its client has no place for."""
    return evolve(answer, parts=list(homes(client, answer.parts))[-1])


def test_an_answer_to_claude_code_ends_in_its_words() -> None:
    proof = Proof("gemini", "of the words")
    chunks = (Text("Done with "), Text("it."), Text("", proofs=(proof,)))
    losses = Losses()
    outbound = Outbound(FORMATS["anthropic"], key, losses=losses)
    answer = Response("r", "m", (Reasoning("I think."), *chunks), Finish(FinishReason.STOP))
    out = fold([ready for event in whole(answer) for ready in outbound.feed(event)])
    assert isinstance(out.parts[-1], Text)
    assert [loss.field for loss in losses] == ["content"]
    called = evolve(answer, parts=(*answer.parts, ToolCall("c", "Read", "{}")))
    home = brought_home(FORMATS["anthropic"], fold(sent_out(FORMATS["anthropic"], whole(called))).parts)
    assert hung(home) == hung(called.parts)


@CLIENT
@given(st.data())
def test_an_answer_of_the_clients_own_format_is_left_alone(client: Format, data: st.DataObject) -> None:
    answer = data.draw(answers(client.name))
    assert fold(sent_out(client, whole(answer))) == answer


def test_a_client_without_a_place_gets_the_events_as_they_are() -> None:
    events = whole(Response("r", "m", (Reasoning("t", (Proof("anthropic", "x"),)), Text("hi")), Finish(FinishReason.STOP)))
    assert sent_out(FORMATS["openai-chat"], events) == events


def test_proofs_that_come_late_or_woven_come_home_too() -> None:
    """No vendor sends such a stream today, but the grammar allows it."""
    late, on_call, second = (Proof("gemini", text) for text in ("late", "on_call", "second"))
    events: list[Event] = [
        ResponseStart("r", "m"),
        PartStart(0, Text()),
        Ping(),
        PartStart(1, ToolCall("c1", "Read", proofs=(on_call,))),
        TextDelta(0, "words"),
        TextDelta(1, "{}"),
        ProofDelta(0, late),
        PartEnd(1),
        PartEnd(0),
        PartStart(2, Text(proofs=(second,))),
        PartStart(3, ToolCall("c2", "Read", "{}")),
        TextDelta(2, "more"),
        PartEnd(2),
        PartEnd(3),
    ]
    end = list(explode(Response("r", "m", (), Finish(FinishReason.TOOL_CALLS))))[-1]
    for client in SLOTTED:
        if client.name != "gemini":
            out = fold(sent_out(client, [*events, end]))
            home = {proof.payload: type(part) for part in brought_home(client, out.parts) for proof in proofs_of(part)}
            assert home == {"late": Text, "on_call": ToolCall, "second": Text} or home["late"] is ToolCall


def test_thoughts_carry_the_proof_of_the_call_they_led_to() -> None:
    proof = Proof("gemini", "c2ln")
    answer = Response("r", "m", (Reasoning("hmm"), ToolCall("c", "Read", "{}", proofs=(proof,))), Finish(FinishReason.TOOL_CALLS))
    out = fold(sent_out(FORMATS["anthropic"], whole(answer)))
    sealed = Proof("anthropic", seal(proof, key(), Place.CALL))
    assert out.parts == (Reasoning("hmm", (sealed,)), ToolCall("c", "Read", "{}"))


# Through the codecs


@CLIENT
@ISSUER
@given(st.data())
@settings(max_examples=50)
def test_every_proof_survives_the_clients_own_stream_body_and_history(issuer: Format, client: Format, data: st.DataObject) -> None:
    answer = ending_well(client, data.draw(answers(issuer.name)))
    out = sent_out(client, whole(answer))
    expected = [proof for part in answer.parts for proof in proofs_of(part)]
    for read in (streamed(client, out), bodied(client, out)):
        call = echo(client, read)
        request = decoded(client, call)
        held = MARKER.encode() in call.body
        assert held >= (bool(expected) and issuer is not client)
        assert may_hold_envelopes(client.peek(call).members) == holds_envelopes(request, client.name) == held
        home = bring_home(request, client.name, key, Losses())
        parts = tuple(part for message in home.messages if message.role is Role.ASSISTANT for part in message.parts)
        assert [proof for part in parts for proof in proofs_of(part)] == expected
        if issuer is not client:
            assert hung(parts) == hung(answer.parts)


@CLIENT
@ISSUER
@given(st.data())
@settings(max_examples=25)
def test_only_the_issuer_is_sent_a_proof(issuer: Format, client: Format, data: st.DataObject) -> None:
    """Whoever the conversation goes on with: the issuer gets all that it takes, anyone else nothing, and nobody an envelope."""
    answer = ending_well(client, data.draw(answers(issuer.name)))
    call = echo(client, streamed(client, sent_out(client, whole(answer))))
    payloads = [proof.payload for part in answer.parts for proof in proofs_of(part)]
    for target in FORMATS.values():
        request = bring_home(decoded(client, call), client.name, key, Losses())
        if target is client:
            request = only_own(request, client.name, Losses())
        sent = target.encode_request(evolve(request, model="other"), Profile(reasoning_replay=True), Losses()).body
        assert MARKER.encode() not in sent
        history = target.decode_request(evolve(call, path=PATHS.get(target.name, call.path), body=sent), Losses())
        told = [proof.payload for message in history.messages for part in message.parts for proof in proofs_of(part)]
        assert told == (payloads if target is issuer else [])


PATHS = {"gemini": "/models/other:generateContent"}


# What is refused


@CLIENT
def test_a_changed_envelope_is_dropped_and_told(client: Format) -> None:
    envelope = seal(Proof("other", "secret state"), key())
    changed = Proof(client.name, envelope[:-1] + ("A" if envelope[-1] != "A" else "B"))
    losses = Losses()
    parts = brought_home(client, (Reasoning("thoughts", (changed,)), Text("words", proofs=(changed,)), Reasoning("", (changed,))), losses)
    assert parts == (Text("words"),)
    assert [loss.field for loss in losses] == [f"messages[1].content[{index}]" for index in range(3)]


def test_a_message_that_was_nothing_but_envelopes_goes() -> None:
    forged = Proof("anthropic", MARKER + "AAAA")
    assert brought_home(FORMATS["anthropic"], (Reasoning("", (forged,)),)) == ()


def test_a_proof_whose_call_is_gone_is_told() -> None:
    losses = Losses()
    rider = Reasoning("", (Proof("anthropic", seal(Proof("gemini", "x"), key(), Place.CALL)),))
    assert brought_home(FORMATS["anthropic"], (rider, Text("words")), losses) == (Text("words"),)
    assert [loss.field for loss in losses] == ["messages[1].content[0]"]


def test_words_told_before_their_proof_are_joined_with_it() -> None:
    """As a Gemini client echoes a stream: thoughts as they came, then the signature on empty ones."""
    proof = Proof("anthropic", "sig")
    sealed = Proof("gemini", seal(proof, key()))
    parts = brought_home(FORMATS["gemini"], (Reasoning("abc"), Reasoning("def"), Reasoning("", (sealed,)), Text("words")))
    assert parts == (Reasoning("abcdef", (proof,)), Text("words"))


UNSIGNED = Response(
    "r", "m", (Reasoning("hmm"), Text("words"), Reasoning(""), ToolCall("c", "Read", "{}")), Finish(FinishReason.TOOL_CALLS)
)


@pytest.mark.parametrize("client", [format_ for format_ in SLOTTED if format_.name != "gemini"], ids=lambda format_: format_.name)
def test_thoughts_that_nobody_vouches_for_do_not_go_to_the_clients_own_vendor(client: Format) -> None:
    out = fold(sent_out(client, whole(UNSIGNED)))
    assert [len(proofs_of(part)) for part in out.parts] == [1, 0, 0, 0]
    request, losses = Request("m", (Message(Role.ASSISTANT, out.parts),)), Losses()
    assert bring_home(request, client.name, key, losses, client.name).messages[0].parts == UNSIGNED.parts[1:]
    assert [loss.field for loss in losses] == ["messages[0].content[0]"]
    assert bring_home(request, client.name, key, Losses(), "openai-chat").messages[0].parts == UNSIGNED.parts


@CLIENT
def test_thoughts_of_the_clients_own_format_may_come_without_a_proof(client: Format) -> None:
    """Servers that speak a vendor's format sign nothing, and take it back."""
    outbound = Outbound(client, key, foreign=False)
    assert fold([ready for event in whole(UNSIGNED) for ready in outbound.feed(event)]) == UNSIGNED


def test_a_key_is_asked_for_only_when_something_is_sealed() -> None:
    def no_key() -> bytes:
        raise AssertionError("nothing is sealed here")

    outbound = Outbound(FORMATS["anthropic"], no_key)
    native = Response("r", "m", (Reasoning("t", (Proof("anthropic", "x"),)), Text("hi")), Finish(FinishReason.STOP))
    assert fold(ready for event in explode(native) for ready in outbound.feed(event)) == native
    assert bring_home(ASKED, "anthropic", no_key, Losses()) == ASKED


def test_a_request_to_its_own_vendor_keeps_nothing_that_another_signed() -> None:
    own, other = Proof("anthropic", "own"), Proof("gemini", "other")
    parts: tuple[Part, ...] = (
        Reasoning("a", (own,)),
        Reasoning("b", (other,)),
        Text("", proofs=(other,)),
        Text("words"),
        ToolCall("c", "Read", "{}", proofs=(other,)),
    )
    losses = Losses()
    fitted = only_own(Request("m", (Message(Role.ASSISTANT, parts),)), "anthropic", losses)
    assert fitted.messages[0].parts == (Reasoning("a", (own,)), Text("words"), ToolCall("c", "Read", "{}"))
    assert len(losses) == 3
    assert json.loads(FORMATS["anthropic"].encode_request(fitted, Profile(), Losses()).body)


@pytest.mark.parametrize("client", [format_ for format_ in SLOTTED if format_.name != "gemini"], ids=lambda format_: format_.name)
@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_signed_chunk_does_not_cut_a_sentence_in_two(client: Format, in_pieces: bool) -> None:
    signed = Text("" if in_pieces else "s in place.", proofs=(Proof("gemini", "c2ln"),))
    rest = [TextDelta(1, "s in "), TextDelta(1, "place.")] if in_pieces else []
    events = [
        ResponseStart("r", "m"), PartStart(0, Text()), TextDelta(0, "The file i"), PartEnd(0), PartStart(1, signed), *rest, PartEnd(1),
        PartStart(2, Text()), TextDelta(2, " Done."), PartEnd(2), *whole(Response("r", "m", (), Finish(FinishReason.STOP)))[-1:],
    ]  # fmt: skip
    told = fold(sent_out(client, events)).parts
    kinds = [type(part) for part in told]
    assert kinds[:2] == [Text, Text]
    home = brought_home(client, told)
    assert [(part.text, part.proofs) for part in home if isinstance(part, Text)] == [
        ("The file i", ()),
        ("s in place.", (Proof("gemini", "c2ln"),)),
        (" Done.", ()),
    ]


@pytest.mark.parametrize("late", [False, True])
def test_sources_follow_their_words_past_what_carries_proofs(late: bool) -> None:
    """Carriers are parts of their own, so that everything behind them is numbered anew."""
    source, words = Citation("https://example.com"), Text(proofs=(Proof("gemini", "c2ln"),))
    start, end = ResponseStart("r", "m"), ResponseEnd(Finish(FinishReason.STOP))
    told: list[Event] = [CitationDelta(0, source), PartEnd(0)]
    events = [start, PartStart(0, words), TextDelta(0, "Sunny."), *(reversed(told) if late else told), end]
    outbound = Outbound(FORMATS["anthropic"], key)
    parts = fold([ready for event in events for ready in outbound.feed(event)]).parts
    assert [part.citations for part in parts if isinstance(part, Text)] == [(source,)]
    assert len(parts) == 2


def test_sources_of_words_that_are_none_go_with_them() -> None:
    blank: list[Event] = [
        PartStart(0, Text(proofs=(Proof("gemini", "c2ln"),))),
        PartEnd(0),
        CitationDelta(0, Citation("https://a.example")),
    ]
    outbound = Outbound(FORMATS["anthropic"], key)
    end = ResponseEnd(Finish(FinishReason.STOP))
    parts = fold([ready for event in (ResponseStart("r", "m"), *blank, end) for ready in outbound.feed(event)]).parts
    assert [type(part) for part in parts] == [Reasoning]
