"""Recorded conversations as they grow: what a vendor was told of the earlier turns stays as it was, so that its prompt cache is hit."""

import itertools
import json
from collections import defaultdict
from functools import cache
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from tests.corpus.entries import ENDPOINTS, Entry, entries, needs_corpus
from tests.corpus.test_requests_between_formats import MODELS, call_of

PAIRS = list(itertools.product(FORMATS, FORMATS))
SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction")
MARKS = ("cache_control", "prompt_cache_breakpoint")

pytestmark = [needs_corpus, pytest.mark.corpus]


def history(body: bytes) -> list[Any]:
    """What a body says before the last question, system text first, without the cache marks, which move with the end."""
    value = json.loads(body)
    messages = value.get("messages") or value.get("input") or value.get("contents")
    listed = messages if isinstance(messages, list) else [messages]
    return _unmarked([[value.get(name) for name in SYSTEMS], *listed])  # type: ignore[no-any-return]


def _unmarked(value: Any) -> Any:
    match value:
        case dict():
            return {name: _unmarked(inner) for name, inner in value.items() if name not in MARKS}
        case list():
            return [_unmarked(inner) for inner in value]
        case _:
            return value


@cache
def turns(source: str) -> list[tuple[Entry, Entry]]:
    """Pairs of recorded requests of one session of which the second goes on where the first ended."""
    sessions = defaultdict(list)
    for entry in entries(source, *ENDPOINTS[source]):
        if entry.ok and entry.request is not None:
            sessions[entry.meta["session"]].append((entry, history(entry.request)))
    return [
        (first, second)
        for session in sessions.values()
        for (first, before), (second, after) in itertools.permutations(session, 2)
        if len(before) < len(after) and after[: len(before)] == before
    ]


def told(entry: Entry, target: str) -> list[Any] | None:
    """What the target is told of a recorded request; None if it is refused."""
    model = MODELS["newer"][target]
    profile = profile_for(target, target, model, {}, own_host=True)
    try:
        request = FORMATS[entry.format].decode_request(call_of(entry), Losses())
        return history(FORMATS[target].encode_request(evolve(request, model=model), profile, Losses()).body)
    except BadRequest:
        return None


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_was_told_stays_as_it_was(source: str, target: str) -> None:
    held, changed = 0, []
    for first, second in turns(source):
        before, after = told(first, target), told(second, target)
        if before is None or after is None:  # refused, for reasons that the tests of requests name
            continue
        if after[: len(before)] == before:
            held += 1
        else:
            changed.append(second.name)
    assert not changed
    assert held > 70
