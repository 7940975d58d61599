"""What a provider refuses is taken out of a written request, and nothing else is."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.jsontext import loads
from ccproxy_cli.core.leaving_out import ESSENTIAL, leave_out
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role, Sampling, Tool

NAMES = st.sampled_from(["model", "messages", "tools", "seed", "user", "a", "b[]", "c"])
JSON_VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["x", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "seed", "tools"]), inner, max_size=3),
    max_leaves=12,
)
ASKED = Request(
    "m",
    (Message(Role.USER, (Text("Hi"),)),),
    tools=(Tool("f", parameters={"type": "object", "properties": {}, "required": [], "additionalProperties": False}, strict=True),),
    sampling=Sampling(temperature=0.5, seed=7),
    max_tokens=9,
)


def test_a_path_leads_through_objects_and_lists() -> None:
    body = {"seed": 1, "tools": [{"function": {"name": "f", "strict": True}}, {"function": {"name": "g"}}, "odd"], "n": {"m": 1}}
    losses = Losses()
    leave_out(body, ["seed", "tools[].function.strict", "absent", "n.absent.x"], losses)
    assert body == {"tools": [{"function": {"name": "f"}}, {"function": {"name": "g"}}, "odd"], "n": {"m": 1}}
    assert [loss.field for loss in losses] == ["seed", "tools.function.strict"]


@given(
    st.dictionaries(st.sampled_from(["model", "messages", "tools", "seed", "a", "b", "c"]), JSON_VALUES),
    st.lists(st.lists(NAMES, min_size=1, max_size=3)),
)
@settings(max_examples=100)
def test_the_question_stays_and_every_change_is_recorded(body: dict[str, object], paths: list[list[str]]) -> None:
    before, losses = copy.deepcopy(body), Losses()
    leave_out(body, [".".join(path) for path in paths], losses)
    for name in ESSENTIAL & before.keys():
        assert name in body
    assert (len(losses) > 0) == (body != before)


@pytest.mark.parametrize(
    ("format_name", "path"),
    [
        ("openai-chat", "seed"),
        ("openai-chat", "tools[].function.strict"),
        ("openai-responses", "temperature"),
        ("openai-responses", "tools[].strict"),
        ("anthropic", "temperature"),
        ("gemini", "generationConfig.seed"),
    ],
)
def test_every_format_leaves_out_what_the_profile_names(format_name: str, path: str) -> None:
    encode = FORMATS[format_name].encode_request
    plain, losses = loads(encode(ASKED, Profile(), Losses()).body), Losses()
    less = loads(encode(ASKED, Profile(without=frozenset({path})), losses).body)
    assert plain != less
    leave_out(plain, [path], Losses())
    assert plain == less
    assert path.replace("[]", "") in [loss.field for loss in losses]


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_what_came_in_the_format_goes_out_as_it_came(format_name: str) -> None:
    spoken = FORMATS[format_name]
    call = spoken.encode_request(ASKED, Profile(), Losses())
    own = spoken.decode_request(call, Losses())
    without = Profile(without=frozenset({"seed", "temperature", "max_tokens", "generationConfig"}))
    assert loads(spoken.encode_request(own, without, Losses()).body) == loads(spoken.encode_request(own, Profile(), Losses()).body)
