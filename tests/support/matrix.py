"""What becomes of each thing a client can ask for, and of each thing a vendor can answer, between any two formats: found by translating it.

`python -m tests.support.matrix` writes the tables into the project's README.
"""

import enum
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import evolve

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import Message, Request, Role
from tests.support.answers import ANSWERED, Answered
from tests.support.requests import ASKED, Asked, Body

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- support: begin -->\n", "<!-- support: end -->\n"
SHORT = {"anthropic": "Messages", "openai-chat": "Chat", "openai-responses": "Responses", "gemini": "Gemini"}
ANY = Request("m", (Message(Role.USER, (Text("Hi"),)),))
EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
ABLE = Profile(
    max_output=64_000, reasoning=ReasoningStyle.EFFORT, efforts=EFFORTS, late_system=True, prompt_cache_key=True, result_media=True
)
PROFILES = {name: evolve(ABLE, reasoning=ReasoningStyle.ADAPTIVE) if name == "anthropic" else ABLE for name in FORMATS}
"""The most that models of each vendor can take: the tables are about the formats."""
PLAIN: Mapping[str, Body] = {
    "anthropic": {"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": "Hi"}]},
    "openai-chat": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    "openai-responses": {"model": "m", "input": [{"role": "user", "content": "Hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}


class Fate(enum.StrEnum):
    """What becomes of a thing."""

    KEPT = "●"
    APPROXIMATED = "◐"
    LOST = "○"
    REFUSED = "✕"


def read(name: str, body: Body) -> Request:
    return FORMATS[name].decode_request(HTTPCall("POST", "/models/m:generateContent", json.dumps(body).encode()), Losses())


def fate(asked: Asked, source: str, target: str) -> tuple[Fate, bool]:
    """What becomes of something that is asked for, and whether the client is told of a loss."""
    losses = Losses()
    try:
        call = HTTPCall("POST", "/models/m:generateContent", json.dumps({**PLAIN[source], **asked.bodies[source]}).encode())
        request = FORMATS[source].decode_request(call, losses)
        sent = evolve(request, stop=_taken(request, target))
        received = read(target, json.loads(FORMATS[target].encode_request(sent, PROFILES[target], losses).body))
    except BadRequest:
        return (Fate.KEPT if source == target else Fate.REFUSED), True  # the vendor's own clients are relayed
    enforced = received if sent.stop == request.stop else evolve(received, stop=request.stop)
    before, after = asked.seen(request), asked.seen(enforced)
    assert before, "the probe does not ask for what it is to ask for"
    if not after:
        return Fate.LOST, bool(losses)
    return (Fate.KEPT if after == before and not losses else Fate.APPROXIMATED), bool(losses)


def _taken(request: Request, target: str) -> tuple[str, ...] | None:
    """The stop sequences that the vendor is told; the others are enforced here."""
    taken = FORMATS[target].stops_taken
    return request.stop if taken is None or request.stop is None else taken(request.stop, PROFILES[target]) or None


def outcome(answered: Answered, source: str, target: str) -> Fate:
    """What becomes of something that is answered."""
    response = FORMATS[source].decode_response(json.dumps(answered.bodies[source]).encode())
    received = FORMATS[target].decode_response(FORMATS[target].encode_response(evolve(response, created=1), ANY))
    before, after = answered.seen(response), answered.seen(received)
    assert before, "the probe does not answer what it is to answer"
    return Fate.LOST if not after else Fate.KEPT if after == before else Fate.APPROXIMATED


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |\n"


def block() -> str:
    """Both tables."""
    names = [SHORT[name] for name in FORMATS]
    text = [_row("Asked by a client of", names), _row("---", ["---"] * len(names))]
    for name, asked in ASKED.items():
        found = {source: " ".join(fate(asked, source, target)[0] for target in FORMATS) for source in asked.bodies}
        text.append(_row(name, [found.get(source, "") for source in FORMATS]))
    text += ["\n", _row("Answered to a client of", names), _row("---", ["---"] * len(names))]
    for name, answered in ANSWERED.items():
        cells = [
            " ".join(outcome(answered, source, target) if source in answered.bodies else "·" for source in FORMATS) for target in FORMATS
        ]
        text.append(_row(name, cells))
    return "".join(text)


def main() -> None:
    before, begin, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    README.write_text(before + begin + "\n" + block() + "\n" + end + after)


if __name__ == "__main__":
    main()
