"""Lossless reading and writing of a vendor's objects."""

from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest, BadUpstream
from ccproxy_cli.core.formats._wirekit import Kit, Unknown, Wire
from tests.strategies import JSON_VALUES


@attrs.define(kw_only=True)
class Words(Wire):
    TAGS = ("text",)
    text: str


@attrs.define(kw_only=True)
class Picture(Wire):
    TAGS = ("image",)
    source: dict[str, Any] | None = None


Block: TypeAlias = Words | Picture | Unknown


@attrs.define(kw_only=True)
class Tool(Wire):
    TAGS = (None, "custom")
    name: str
    type: str | None = None


@attrs.define(kw_only=True)
class Message(Wire):
    role: str
    content: str | list[Block]


@attrs.define(kw_only=True)
class Body(Wire):
    model: str
    messages: list[Message]
    temperature: float | None = None
    limit: int | None = None
    tools: list[Tool | Unknown] | None = None


KIT = Kit()
MORE = st.dictionaries(st.sampled_from(["x", "cache", "z"]), JSON_VALUES, max_size=2)


def with_more(known: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(known, MORE).map(lambda pair: pair[1] | pair[0])


BLOCKS = with_more(
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text()})
    | st.fixed_dictionaries(
        {"type": st.just("image")}, optional={"source": st.none() | st.dictionaries(st.text(), JSON_VALUES, max_size=2)}
    )
    | st.fixed_dictionaries({"type": st.sampled_from(["new", "newer"])})
)
TOOLS = with_more(
    st.fixed_dictionaries({"name": st.text()}, optional={"type": st.just("custom")})
    | st.fixed_dictionaries({"type": st.just("search_2026")})
)
BODIES = with_more(
    st.fixed_dictionaries(
        {
            "model": st.text(),
            "messages": st.lists(
                with_more(st.fixed_dictionaries({"role": st.text(), "content": st.text() | st.lists(BLOCKS, max_size=3)})), max_size=3
            ),
        },
        optional={
            "temperature": st.none() | st.integers() | st.floats(allow_nan=False),
            "limit": st.none() | st.integers(),
            "tools": st.none() | st.lists(TOOLS, max_size=2),
        },
    )
)


@given(BODIES)
def test_writing_undoes_reading(body: dict[str, Any]) -> None:
    assert KIT.write(KIT.read(body, Body, BadRequest)) == body


GOOD = {"model": "m", "messages": []}
BAD = [
    ({"model": "m"}, "messages", "Field required"),
    ({"model": 1, "messages": []}, "model", "expected a string, got a number"),
    ({**GOOD, "messages": "x"}, "messages", "expected a list, got a string"),
    ({**GOOD, "messages": None}, "messages", "expected a list, got null"),
    ({**GOOD, "messages": [3]}, "messages[0]", "expected an object, got a number"),
    ({**GOOD, "messages": [{"role": "u"}]}, "messages[0].content", "Field required"),
    ({**GOOD, "messages": [{"role": "u", "content": 5}]}, "messages[0].content", "expected a string or a list, got a number"),
    (
        {**GOOD, "messages": [{"role": "u", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": 3}]}]},
        "messages[0].content[1].text",
        "expected a string, got a number",
    ),
    ({**GOOD, "limit": True}, "limit", "expected an integer, got a boolean"),
    ({**GOOD, "limit": 1.5}, "limit", "expected an integer, got a number"),
    ({**GOOD, "temperature": "5"}, "temperature", "expected a number, got a string"),
    ({**GOOD, "tools": [{"type": "custom"}]}, "tools[0].name", "Field required"),
    ([], None, "expected an object, got a list"),
]


@pytest.mark.parametrize(("body", "param", "words"), BAD)
def test_a_bad_value_is_named_by_its_path(body: Any, param: str | None, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        KIT.read(body, Body, BadRequest)
    assert caught.value.param == param
    assert words in caught.value.message


def test_an_upstream_is_blamed_for_its_own_mistakes() -> None:
    with pytest.raises(BadUpstream, match=r"messages\[0\]"):
        KIT.read({**GOOD, "messages": [3]}, Body, BadUpstream)


def test_the_path_starts_where_the_caller_says() -> None:
    with pytest.raises(BadRequest) as caught:
        KIT.read({"role": "u"}, Message, BadRequest, "messages[7]")
    assert caught.value.param == "messages[7].content"


@attrs.define(kw_only=True)
class Proto(Wire):
    """A class whose members have two spellings."""

    SNAKE = True
    mime_type: str | None = attrs.field(default=None, alias="mimeType")
    file_data: "Proto | None" = attrs.field(default=None, alias="fileData")


@pytest.mark.parametrize("name", ["mimeType", "mime_type"])
@pytest.mark.parametrize("inner", ["fileData", "file_data"])
@pytest.mark.parametrize("unknown", [{}, {"newName": 1, "new_name": {"mime_type": 2}}])
def test_either_spelling_is_read_and_written_again(name: str, inner: str, unknown: dict[str, Any]) -> None:
    value = {name: "a", inner: {name: "b", **unknown}, **unknown}
    wire = KIT.read(value, Proto, BadRequest)
    assert wire.mime_type == "a"
    assert wire.file_data is not None
    assert wire.file_data.mime_type == "b"
    assert KIT.write(wire) == value
    assert KIT.write(KIT.read({name: None}, Proto, BadRequest)) == {name: None}


@pytest.mark.parametrize("value", [{"mimeType": "a", "mime_type": "b"}, {"$spelled": ["mimeType"]}, {"mime_type": 3}])
def test_what_cannot_be_written_again_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        KIT.read(value, Proto, BadRequest)
