"""The same scenario as one program asked it of several vendors: what its two requests have in common, the translation of the one has too.

Where the recorded requests differ, as in how the program gets a shape out of each vendor, there is nothing to hold a translation to.
"""

from collections import defaultdict
from functools import cache

import pytest
from attrs import evolve

from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Inline, Link, Media, Part, Text
from ccproxy_cli.core.request import INSTRUCTING, Request, Role, Tool
from tests.corpus.entries import needs_corpus
from tests.corpus.test_requests_between_formats import MODELS, PAIRS, decoded

JSON_ONLY = "Answer with one JSON object and nothing else."
"""What Claude is told in words, where others have a switch."""
JSON_WORD = "Answer in JSON."
"""What OpenAI's models are told beside the switch, which they refuse unless the messages themselves hold the word."""

pytestmark = [needs_corpus, pytest.mark.corpus]


@cache
def scenarios() -> dict[str, dict[str, Request]]:
    """The first requests of each scenario, by format."""
    found: dict[str, dict[str, Request]] = defaultdict(dict)
    for name in FORMATS:
        for entry, request in decoded(name):
            first = int(entry.meta["interaction_index"]) == 0 and entry.meta.get("scenario")
            if first and isinstance(request, Request):
                found[entry.meta["scenario"]].setdefault(name, request)
    return found


def _source(part: Media) -> object:
    match part.source:
        case Inline(data=data):
            return data
        case Link(url):
            return url
        case other:
            return str(other)


def _words(parts: list[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text)).strip()


def said(request: Request) -> dict[str, object]:
    """What a request says, by topic."""
    systems = [part for message in request.messages if message.role in INSTRUCTING for part in message.parts]
    asked = [part for message in request.messages if message.role is Role.USER for part in message.parts]
    return {
        "system": _words([*request.instructions, *systems]),
        "words": _words(asked),
        "media": [(part.kind, _source(part)) for part in asked if isinstance(part, Media)],
        "tools": [(tool.name, tool.description) for tool in request.tools or () if isinstance(tool, Tool)],
        "choice": request.tool_choice and (request.tool_choice.mode, request.tool_choice.names),
        "shape": bool(request.output and request.output.schema),
        "limit": request.max_tokens,
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "stop": request.stop,
    }


def translated(request: Request, target: str) -> Request:
    model = MODELS["older"][target]
    profile = profile_for(target, target, model, {}, own_host=True)
    call = FORMATS[target].encode_request(evolve(request, model=model, stream=None), profile, Losses())
    return FORMATS[target].decode_request(HTTPCall("POST", "/models/m:generateContent", call.body, call.headers), Losses())


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_two_requests_have_in_common_the_translation_has(source: str, target: str) -> None:
    held, different = 0, []
    for name, requests in scenarios().items():
        if source not in requests or target not in requests:
            continue
        try:
            told = said(translated(requests[source], target))
        except BadRequest:  # refused, for reasons that the tests of requests name
            continue
        told["system"] = str(told["system"]).removesuffix(JSON_ONLY).removesuffix(JSON_WORD).strip()
        one, other = said(requests[source]), said(requests[target])
        common = [topic for topic in told if one[topic] == other[topic]]
        held += len(common)
        different += [(name, topic, told[topic], other[topic]) for topic in common if told[topic] != other[topic]]
    assert not different
    assert held > 1000
