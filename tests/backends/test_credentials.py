"""Keys: where they come from, and that they are not shown."""

import sys

import pytest

from ccproxy_cli.backends.credentials import (
    AuthStyle,
    CallerKey,
    CommandKey,
    Credentials,
    EnvironmentKey,
    KeySource,
    LiteralKey,
    NoKey,
    parse_key_source,
)
from ccproxy_cli.core.errors import ErrorKind, UpstreamError


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (None, NoKey()),
        ("", NoKey()),
        ("client", CallerKey()),
        ("env:NAME", EnvironmentKey(("NAME",))),
        ("command:pass show 'my key'", CommandKey(("pass", "show", "my key"))),
        ("sk-literal", LiteralKey("sk-literal")),
        ("https://odd", LiteralKey("https://odd")),
    ],
)
def test_the_configuration_says_where_the_key_is(text: str | None, source: KeySource) -> None:
    assert parse_key_source(text) == source


@pytest.mark.parametrize("text", ["env:", "env:  ", "command:", "command: "])
def test_a_reference_to_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be followed by"):
        parse_key_source(text)


async def test_the_presets_variables_stand_in_for_the_configuration() -> None:
    source = parse_key_source(None, ("A", "B"))
    assert await Credentials(source, AuthStyle.BEARER, {"B": "second"}).key(None) == "second"
    assert await Credentials(source, AuthStyle.BEARER, {"A": "first", "B": "second"}).key(None) == "first"


async def test_a_missing_key_says_how_to_give_it() -> None:
    credentials = Credentials(EnvironmentKey(("A", "B")), AuthStyle.BEARER, {"A": ""})
    assert not credentials.present
    with pytest.raises(UpstreamError, match="set the environment variable A or B") as caught:
        await credentials.key(None)
    assert caught.value.error.kind is ErrorKind.AUTHENTICATION
    assert caught.value.error.should_retry is False


async def test_a_key_that_is_optional_may_be_missing() -> None:
    credentials = Credentials(parse_key_source(None, ("A",), optional=True), AuthStyle.BEARER, {})
    assert credentials.present
    assert await credentials.key(None) is None


async def test_the_callers_key_is_passed_through() -> None:
    credentials = Credentials(CallerKey(), AuthStyle.X_API_KEY)
    assert await credentials.key("theirs") == "theirs"
    with pytest.raises(UpstreamError, match="caller's own key"):
        await credentials.key(None)


async def test_a_command_is_asked_once_for_a_while_and_again_when_refused(tmp_path: object) -> None:
    counter = f"{tmp_path}/count"
    program = f"open({counter!r}, 'a').write('x'); print('key-' + str(len(open({counter!r}).read()))); print('second line')"
    now = 0.0
    credentials = Credentials(CommandKey((sys.executable, "-c", program)), AuthStyle.BEARER, clock=lambda: now)
    assert await credentials.key(None) == "key-1"
    assert await credentials.key(None) == "key-1"
    credentials.forget()
    assert await credentials.key(None) == "key-2"
    now = 301.0
    assert await credentials.key(None) == "key-3"


@pytest.mark.parametrize("argv", [("/nonexistent/program",), (sys.executable, "-c", "exit(3)"), (sys.executable, "-c", "pass")])
async def test_a_command_that_gives_no_key_is_named_without_its_arguments(argv: tuple[str, ...]) -> None:
    with pytest.raises(UpstreamError, match="key command") as caught:
        await Credentials(CommandKey(argv), AuthStyle.BEARER).key(None)
    assert "exit(3)" not in str(caught.value)


def test_keys_are_in_no_repr() -> None:
    assert "sk-secret" not in repr(LiteralKey("sk-secret")) + repr(Credentials(LiteralKey("sk-secret"), AuthStyle.BEARER))


def test_styles_say_the_header() -> None:
    assert AuthStyle.BEARER.header("k") == ("authorization", "Bearer k")
    assert AuthStyle.X_API_KEY.header("k") == ("x-api-key", "k")
