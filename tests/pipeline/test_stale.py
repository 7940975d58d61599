"""Proofs that were refused are known again, by whoever was refused and for whom."""

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.pipeline.refusals import REFUSALS
from ccproxy_cli.pipeline.stale import StaleProofs

REFUSED = next(refusal for refusal in REFUSALS if refusal.issuer == "anthropic")
MISSED = next(refusal for refusal in REFUSALS if refusal.missing)


def thought(payload: str) -> Reasoning:
    return Reasoning(f"thought of {payload}", (Proof("anthropic", payload),))


def asking(*parts: Part) -> Request:
    return Request("m", (Message(Role.USER, (Text("hi"),)), Message(Role.ASSISTANT, parts), Message(Role.USER, (Text("go on"),))))


def body(*payloads: str) -> dict[str, bytes]:
    return {"model": b'"m"', "messages": b"[%b]" % b",".join(f'{{"signature":"{payload}"}}'.encode() for payload in payloads)}


def left(stale: StaleProofs, *parts: Part, owner: str = "Ann", provider: str = "claude") -> tuple[tuple[Part, ...], list[str]]:
    losses = Losses()
    request = stale.left_out(owner, provider, asking(*parts), losses)
    return request.messages[1].parts, [loss.field for loss in losses]


def refused(*payloads: str) -> StaleProofs:
    stale = StaleProofs(lambda: 0.0)
    stale.note("Ann", "claude", asking(*map(thought, payloads), Text("words")), REFUSED)
    return stale


def test_what_was_refused_is_left_out_and_what_came_later_stays() -> None:
    call = ToolCall("c", "f")
    assert left(refused("old"), thought("old"), thought("new"), call) == ((thought("new"), call), ["messages[1].content[0]"])


def test_it_is_known_by_client_and_provider() -> None:
    stale = refused("old")
    assert left(stale, thought("old"), Text("w"), owner="Bob") == ((thought("old"), Text("w")), [])
    assert left(stale, thought("old"), Text("w"), provider="another") == ((thought("old"), Text("w")), [])
    assert not stale.among("Bob", "claude", body("old"))
    assert not stale.among("Ann", "another", body("old"))


def test_it_is_found_in_bytes_but_not_in_tools() -> None:
    stale = refused(*(f"proof number {number}" for number in range(9)))
    assert stale.among("Ann", "claude", body("proof number 8"))
    assert not stale.among("Ann", "claude", body("proof number 9"))
    assert not stale.among("Ann", "claude", {"tools": body("proof number 8")["messages"]})


def test_a_second_refusal_forgets_nothing_of_the_first() -> None:
    stale = refused("first")
    stale.note("Ann", "claude", asking(thought("second"), Text("words")), REFUSED)
    assert left(stale, thought("first"), thought("second"), thought("third"), Text("w"))[0] == (thought("third"), Text("w"))
    assert all(stale.among("Ann", "claude", body(payload)) for payload in ("first", "second"))


def test_what_was_only_missed_or_unsigned_says_nothing_against_proofs() -> None:
    stale = StaleProofs(lambda: 0.0)
    stale.note("Ann", "claude", asking(thought("old")), MISSED)
    stale.note("Ann", "claude", asking(Reasoning("unsigned"), Text("words")), REFUSED)
    assert left(stale, thought("old"), Text("w")) == ((thought("old"), Text("w")), [])


def test_it_is_forgotten_in_time() -> None:
    now = [0.0]
    stale = StaleProofs(lambda: now[0])
    stale.note("Ann", "claude", asking(thought("old")), REFUSED)
    now[0] = 9 * 3600
    assert not stale.among("Ann", "claude", body("old"))
