"""Which requests of a format ask for the same."""

import json
import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.formats._sameness import Sense
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSONError, canonical, loads, split_members
from tests.strategies import JSON_VALUES

SAID = st.dictionaries(
    st.sampled_from(["messages", "contents", "input", "tools", "system", "top_k", "temperature", "x"]), JSON_VALUES, max_size=5
)
SPOKEN = st.sampled_from([*FORMATS.values()])


def sense(spoken: Format, body: bytes, **headers: str) -> Sense | None:
    call = HTTPCall("POST", "/", body, {name.replace("_", "-"): value for name, value in headers.items()})
    return spoken.sameness.sense(call, split_members(body))


def asked(spoken: Format, members: dict[str, Any], **headers: str) -> bytes | None:
    found = sense(spoken, json.dumps(members).encode(), **headers)
    return None if found is None else found.asked


def shuffled(value: Any, chance: random.Random) -> Any:
    match value:
        case dict():
            members = [(name, shuffled(member, chance)) for name, member in value.items()]
            chance.shuffle(members)
            return dict(members)
        case list():
            return [shuffled(item, chance) for item in value]
        case int() if not isinstance(value, bool) and abs(value) < 2**53 and chance.random() < 0.5:
            return float(value)
        case _:
            return value


@given(
    spoken=SPOKEN, members=SAID, chance=st.randoms(use_true_random=False), indent=st.none() | st.integers(0, 3), ascii_only=st.booleans()
)
def test_spelling_does_not_count(
    spoken: Format, members: dict[str, Any], chance: random.Random, indent: int | None, ascii_only: bool
) -> None:
    other = json.dumps(shuffled(members, chance), indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert sense(spoken, json.dumps(members).encode()) == sense(spoken, other)


@given(spoken=SPOKEN, members=SAID, data=st.data())
def test_who_asks_and_how_defaults_are_said_do_not_count(spoken: Format, members: dict[str, Any], data: st.DataObject) -> None:
    rules = spoken.sameness
    beside = sorted({*rules.idle, *rules.echoed, *rules.shaping, "stream"})
    more = data.draw(st.dictionaries(st.sampled_from(beside), JSON_VALUES))
    unsaid = [name for name in rules.defaults if name not in members]
    spelled = data.draw(st.sets(st.sampled_from(unsaid))) if unsaid else set()
    nothing = data.draw(st.sets(st.sampled_from(["unheard_of", *unsaid])))
    other = {**dict.fromkeys(nothing), **{name: rules.defaults[name] for name in spelled}, **members, **more}
    assert asked(spoken, other) == asked(spoken, members) is not None


@given(spoken=SPOKEN, members=SAID, name=st.sampled_from(["messages", "tools", "system", "unheard_of"]), value=JSON_VALUES)
def test_everything_else_counts(spoken: Format, members: dict[str, Any], name: str, value: Any) -> None:
    before = members.get(name)
    if canonical(value) == canonical(before):
        assert asked(spoken, {**members, name: value}) == asked(spoken, members)
        return
    usual = spoken.sameness.defaults.get(name)
    assume(not (before in (None, usual) and value in (None, usual)))
    assert asked(spoken, {**members, name: value}) != asked(spoken, members)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("anthropic", {"container": "c_1"}),
        ("openai-chat", {"store": True}),
        ("openai-chat", {"n": 2}),
        ("openai-responses", {"conversation": "conv_1"}),
        ("openai-responses", {"background": True}),
        ("gemini", {"generationConfig": {"candidateCount": 3}}),
        ("gemini", {"generation_config": {"candidate_count": 3}}),
    ],
)
def test_what_can_only_be_answered_once_has_no_sense(name: str, members: dict[str, Any]) -> None:
    assert asked(FORMATS[name], members) is None


def test_headers_that_change_the_meaning_count_in_any_order() -> None:
    spoken = FORMATS["anthropic"]
    plain, beta = asked(spoken, {}), asked(spoken, {}, anthropic_beta="a,b")
    assert plain != beta == asked(spoken, {}, anthropic_beta="b, a")
    assert asked(spoken, {}, user_agent="x", x_api_key="k") == plain
    assert asked(FORMATS["openai-chat"], {}, openai_organization="org") != asked(FORMATS["openai-chat"], {})


def test_what_shapes_the_answer_is_told_apart_from_what_it_says() -> None:
    spoken = FORMATS["openai-chat"]
    one, other = (sense(spoken, json.dumps({"stream_options": options}).encode()) for options in (None, {"include_usage": True}))
    assert one is not None
    assert other is not None
    assert one.asked == other.asked
    assert one.shape != other.shape
    gemini = FORMATS["gemini"].sameness
    assert gemini.sense(HTTPCall("POST", "/", query="alt=sse&key=k"), {}) != gemini.sense(HTTPCall("POST", "/", query="key=k"), {})
    assert gemini.sense(HTTPCall("POST", "/", query="key=k"), {}) == gemini.sense(HTTPCall("POST", "/", query="key=other"), {})


@given(value=JSON_VALUES)
def test_the_canonical_text_says_the_same(value: Any) -> None:
    assert loads(canonical(value)) == value
    assert canonical(loads(canonical(value))) == canonical(value)


def test_what_is_nested_too_deeply_has_no_canonical_text() -> None:
    nested: Any = []
    for _ in range(200_000):
        nested = [nested]
    with pytest.raises(JSONError):
        canonical(nested)
    while nested:  # freeing it all at once would overflow the stack, too
        (nested,) = nested
