"""Recorded requests, translated into every other format: they fit that vendor's own types and break none of its rules.

Every exception falls under a rule with a reason; anything else fails.
"""

import itertools
import json
import re
from collections.abc import Mapping
from functools import cache

import pytest
from attrs import evolve

from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.request import Request
from tests.corpus.entries import ENDPOINTS, Entry, entries, needs_corpus
from tests.vendor_rules import MODEL_FIRST, broken_rules
from tests.vendor_types import misfit

PAIRS = list(itertools.permutations(FORMATS, 2))
MODELS: Mapping[str, Mapping[str, str]] = {
    "newer": {
        "anthropic": "claude-opus-4-8",
        "openai-chat": "gpt-5.4",
        "openai-responses": "gpt-5.6",
        "gemini": "gemini-3-flash",
    },
    "older": {
        "anthropic": "claude-sonnet-4-5",
        "openai-chat": "gpt-4o",
        "openai-responses": "gpt-4o",
        "gemini": "gemini-2.5-flash",
    },
}

pytestmark = [needs_corpus, pytest.mark.corpus]


@cache
def requests(source: str) -> list[Entry]:
    return [entry for entry in entries(source, *ENDPOINTS[source]) if entry.ok and entry.request is not None]


def call_of(entry: Entry) -> HTTPCall:
    path, _, query = entry.meta["url"].rpartition("/models/")[2].partition("?") if entry.format == "gemini" else ("", "", "")
    return HTTPCall("POST", f"/models/{path}" if path else "/", entry.request or b"", query=query)


@cache
def decoded(source: str) -> list[tuple[Entry, Request | BadRequest]]:
    found: list[tuple[Entry, Request | BadRequest]] = []
    for entry in requests(source):
        try:
            found.append((entry, FORMATS[source].decode_request(call_of(entry), Losses())))
        except BadRequest as error:
            found.append((entry, error))
    return found


REFUSALS: Mapping[str, str] = {
    "media that the vendor's API does not take at all": r"takes no (audio|video) input|this kind of \w+ is not supported",
    "a file that lives at another vendor": r"a file uploaded to another vendor|lives at \w+, where",
    "earlier turns that only the vendor has": r"names something only its own vendor keeps",
    "several answers at once": r"gives one choice per request",
    "nothing but an empty message, which vendors refuse themselves": r"at least one message with content",
}
"""Why a request may be refused instead of sent."""
MODEL_SPEAKS_FIRST = frozenset(
    f"pydantic.pydantic-ai__test_google_test_google_instructions_only_with_tool_calls__{number}" for number in range(1, 5)
)
"""The user's opening message is empty, and so left out; newer Claude models let the assistant begin."""


@pytest.mark.parametrize("age", MODELS)
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_requests_are_what_the_other_vendor_takes(source: str, target: str, age: str) -> None:
    model = MODELS[age][target]
    profile = profile_for(target, target, model, {}, own_host=True)
    fit, refused, broken = 0, {}, []
    for entry, request in decoded(source):
        try:
            if isinstance(request, BadRequest):
                raise request
            call = FORMATS[target].encode_request(evolve(request, model=model, stream=None), profile, Losses())
        except BadRequest as error:
            refused[entry.name] = error.message
            continue
        if problems := wrong_with(call, target, entry):
            broken.append(f"{entry.name}: {problems}")
        else:
            fit += 1
    unexplained = {name: why for name, why in refused.items() if not any(re.search(words, why) for words in REFUSALS.values())}
    assert not broken, "\n".join(broken[:20]) + f"\n{len(broken)} of {fit + len(broken)}"
    assert not unexplained
    assert fit > 300


def wrong_with(call: HTTPCall, target: str, entry: Entry) -> list[str]:
    body = json.loads(call.body)
    rules = [why for why in broken_rules(target, body) if why != MODEL_FIRST or entry.name not in MODEL_SPEAKS_FIRST]
    if target == "anthropic" and call.headers.get("anthropic-version") == "2023-06-01":
        body = {name: value for name, value in body.items() if name not in ("temperature", "top_p", "top_k")}  # the last version with them
    return [*filter(None, [misfit(target, body)]), *rules]
