"""Tool names that fit, and their way back."""

import re
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.events import PartStart, TextDelta
from ccproxy_cli.core.names import fit_name, fit_names, restore_names
from ccproxy_cli.core.parts import Opaque, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Message, Request, Role, Tool, ToolChoice

LONG = "mcp__a_server_with_a_long_name__" + "tool" * 12
ODD = "files/read.it"
ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@given(st.text(max_size=100))
def test_every_name_fits_and_a_fitting_name_stays(name: str) -> None:
    fitted = fit_name(name, 64)
    assert ALLOWED.fullmatch(fitted)
    assert fit_name(fitted, 64) == fitted
    assert (fitted == name) == bool(ALLOWED.fullmatch(name))


@given(st.lists(st.text("ab./", min_size=1, max_size=80), unique=True, min_size=2, max_size=6))
def test_different_names_stay_different(names: list[str]) -> None:
    assert len({fit_name(name, 64) for name in names}) == len(names)


@st.composite
def crowds(draw: st.DrawFn) -> list[str]:
    """Names of tools, among them such as stand for others elsewhere, and in any order."""
    names = draw(st.lists(st.text("ab./", min_size=1, max_size=80), unique=True, min_size=1, max_size=4))
    others = [fit_name(name, 64) for name in names] + [fit_name(f"{name}#2", 64) for name in names]
    chosen = draw(st.lists(st.sampled_from(others), max_size=4))
    return draw(st.permutations(list(dict.fromkeys([*names, *chosen]))))


@given(crowds())
def test_no_two_tools_go_by_one_name_and_each_comes_back(names: list[str]) -> None:
    fitted, restore = fit_names(request(*names), partial(fit_name, limit=64))
    told = [tool.name for tool in fitted.tools or () if isinstance(tool, Tool)]
    assert len(set(told)) == len(names)
    assert all(ALLOWED.fullmatch(name) for name in told)
    assert [restore.get(name, name) for name in told] == names
    assert {name: fit for name, fit in zip(names, told, strict=True) if ALLOWED.fullmatch(name)} == {
        name: name for name in names if ALLOWED.fullmatch(name)
    }


@given(st.text("ab./", min_size=1, max_size=80), crowds())
def test_what_a_tool_goes_by_is_the_same_in_every_request_unless_that_is_taken(name: str, others: list[str]) -> None:
    alone = fit_name(name, 64)
    fitted, _ = fit_names(request(*dict.fromkeys([name, *others])), partial(fit_name, limit=64))
    (told, *_) = [tool.name for tool in fitted.tools or () if isinstance(tool, Tool)]
    assert (told == alone) == (alone == name or alone not in others)


def request(*names: str) -> Request:
    call = Message(Role.ASSISTANT, (Text("so"), *(ToolCall(f"call_{name}", name) for name in names)))
    result = Message(Role.USER, tuple(ToolResult(f"call_{name}", name=name) for name in names))
    tools: list[AnyTool] = [*(Tool(name) for name in names), Opaque("anthropic", {"type": "hosted"})]
    return Request(
        "m", (Message(Role.USER, (Text("hi"),)), call, result), tools=tuple(tools), tool_choice=ToolChoice(ChoiceMode.REQUIRED, names[:1])
    )


def test_a_name_changes_everywhere_alike() -> None:
    fitted, restore = fit_names(request(LONG, ODD, "fine"), partial(fit_name, limit=64))
    short, odd = fit_name(LONG, 64), fit_name(ODD, 64)
    assert restore == {short: LONG, odd: ODD}
    assert [tool.name for tool in fitted.tools or () if isinstance(tool, Tool)] == [short, odd, "fine"]
    assert fitted.tool_choice == ToolChoice(ChoiceMode.REQUIRED, (short,))
    call, result = fitted.messages[1:]
    assert [(part.call_id, part.name) for part in call.parts if isinstance(part, ToolCall)] == [
        (f"call_{LONG}", short),
        (f"call_{ODD}", odd),
        ("call_fine", "fine"),
    ]
    assert [part.name for part in result.parts if isinstance(part, ToolResult)] == [short, odd, "fine"]


def test_a_request_whose_names_fit_is_the_same_request() -> None:
    given_request = request("fine")
    fitted, restore = fit_names(given_request, partial(fit_name, limit=64))
    assert fitted is given_request
    assert not restore


def test_a_call_comes_back_under_the_clients_own_name() -> None:
    _, restore = fit_names(request(LONG), partial(fit_name, limit=64))
    start = PartStart(0, ToolCall("a", fit_name(LONG, 64)))
    assert restore_names(start, restore) == PartStart(0, ToolCall("a", LONG))
    for event in (PartStart(0, ToolCall("a", "fine")), PartStart(0, Text()), TextDelta(0, "x")):
        assert restore_names(event, restore) is event
