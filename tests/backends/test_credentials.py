"""Keys: where they come from, whose turn it is, and that they are not shown."""

import sys
from collections.abc import Iterator

import keyring
import keyring.backend
import keyring.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.backends.credentials import (
    AuthStyle,
    CallerKey,
    CommandKey,
    Credentials,
    EnvironmentKey,
    KeyringKey,
    KeySource,
    LiteralKey,
    NoKey,
    Secret,
    parse_key_source,
)
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError

LIMITED = APIError(ErrorKind.RATE_LIMIT, "slow down", retry_after="7")


async def value(credentials: Credentials, client_key: str | None = None) -> str | None:
    return (await credentials.key(client_key))[1]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("", NoKey()),
        ("client", CallerKey()),
        ("env:NAME", EnvironmentKey(("NAME",))),
        ("command:pass show 'my key'", CommandKey(("pass", "show", "my key"))),
        ("keyring:ccproxy/openai", KeyringKey("ccproxy", "openai")),
        ("keyring:ccproxy/a/b", KeyringKey("ccproxy", "a/b")),
        ("sk-literal", LiteralKey("sk-literal")),
        ("https://odd", LiteralKey("https://odd")),
    ],
)
def test_the_configuration_says_where_the_key_is(text: str, source: KeySource) -> None:
    assert parse_key_source(text) == source


@pytest.mark.parametrize(
    "text", ["env:", "env:  ", "command:", "command: ", "keyring:", "keyring:service", "keyring:/name", "keyring:service/"]
)
def test_a_reference_to_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be followed by"):
        parse_key_source(text)


async def test_the_first_variable_that_is_set_counts() -> None:
    source = EnvironmentKey(("A", "B"))
    assert await Secret(source, {"B": "second"}).value() == "second"
    assert await Secret(source, {"A": "first", "B": "second"}).value() == "first"


async def test_a_missing_key_says_how_to_give_it() -> None:
    credentials = Credentials(EnvironmentKey(("A", "B")), AuthStyle.BEARER, {"A": ""})
    assert not credentials.present
    with pytest.raises(UpstreamError, match="set the environment variable A or B") as caught:
        await credentials.key()
    assert caught.value.error.kind is ErrorKind.AUTHENTICATION
    assert caught.value.error.should_retry is False


async def test_a_key_that_is_optional_may_be_missing() -> None:
    credentials = Credentials(EnvironmentKey(("A",), optional=True), AuthStyle.BEARER, {})
    assert credentials.present
    assert await value(credentials) is None


async def test_the_callers_key_is_passed_through() -> None:
    credentials = Credentials(CallerKey(), AuthStyle.X_API_KEY)
    assert await value(credentials, "theirs") == "theirs"
    with pytest.raises(UpstreamError, match="caller's own key"):
        await credentials.key()


async def test_a_command_is_asked_once_for_a_while_and_again_when_refused(tmp_path: object) -> None:
    counter = f"{tmp_path}/count"
    program = f"open({counter!r}, 'a').write('x'); print('key-' + str(len(open({counter!r}).read()))); print('second line')"
    now = 0.0
    credentials = Credentials(CommandKey((sys.executable, "-c", program)), AuthStyle.BEARER, clock=lambda: now)
    assert await value(credentials) == "key-1"
    secret, key = await credentials.key()
    assert key == "key-1"
    credentials.refused(secret, APIError(ErrorKind.AUTHENTICATION, "expired"))
    assert await value(credentials) == "key-2"
    now = 301.0
    assert await value(credentials) == "key-3"


@pytest.mark.parametrize("argv", [("/nonexistent/program",), (sys.executable, "-c", "exit(3)"), (sys.executable, "-c", "pass")])
async def test_a_command_that_gives_no_key_is_named_without_its_arguments(argv: tuple[str, ...]) -> None:
    with pytest.raises(UpstreamError, match="key command") as caught:
        await Secret(CommandKey(argv)).value()
    assert "exit(3)" not in str(caught.value)


# Several keys


async def test_several_keys_take_turns() -> None:
    credentials = Credentials([LiteralKey("a"), LiteralKey("b"), LiteralKey("c")], AuthStyle.BEARER)
    assert [await value(credentials) for _ in range(6)] == ["a", "b", "c"] * 2


async def test_a_limited_key_rests_as_long_as_the_vendor_says() -> None:
    now = 0.0
    credentials = Credentials([LiteralKey("a"), LiteralKey("b")], AuthStyle.BEARER, clock=lambda: now)
    secret, _ = await credentials.key()
    assert credentials.refused(secret, LIMITED)
    assert [await value(credentials) for _ in range(4)] == ["b"] * 4
    now = 7.0
    assert {await value(credentials) for _ in range(2)} == {"a", "b"}


async def test_when_all_rest_the_one_that_wakes_first_is_tried() -> None:
    credentials = Credentials([LiteralKey("a"), LiteralKey("b")], AuthStyle.BEARER, clock=lambda: 0.0)
    first, second = credentials.secrets
    assert credentials.refused(first, APIError(ErrorKind.RATE_LIMIT, "", retry_after="3"))
    assert not credentials.refused(second, LIMITED)
    assert [await value(credentials) for _ in range(3)] == ["a"] * 3


@pytest.mark.parametrize("kind", [ErrorKind.INVALID_REQUEST, ErrorKind.OVERLOADED, ErrorKind.NOT_FOUND, ErrorKind.PERMISSION])
async def test_a_key_does_not_rest_for_what_is_not_its_fault(kind: ErrorKind) -> None:
    credentials = Credentials([LiteralKey("a"), LiteralKey("b")], AuthStyle.BEARER)
    secret, _ = await credentials.key()
    assert not credentials.refused(secret, APIError(kind, ""))
    assert secret.rests_until == 0.0


async def test_a_key_that_cannot_be_had_is_passed_over() -> None:
    credentials = Credentials([EnvironmentKey(("A",)), EnvironmentKey(("B",))], AuthStyle.BEARER, {"B": "b"})
    assert credentials.present
    assert [await value(credentials) for _ in range(3)] == ["b"] * 3
    with pytest.raises(UpstreamError, match="set the environment variable"):
        await Credentials([EnvironmentKey(("A",)), EnvironmentKey(("B",))], AuthStyle.BEARER, {}).key()


@given(
    st.integers(2, 5),
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from([None, "0", "5", "-1", "nan", "Fri, 31 Dec 1999 23:59:59 GMT", "1e9"]))),
)
@settings(max_examples=100)
async def test_no_resting_key_is_used_while_another_is_awake(count: int, script: list[tuple[float, str | None]]) -> None:
    now = 0.0
    credentials = Credentials([LiteralKey(str(index)) for index in range(count)], AuthStyle.BEARER, clock=lambda: now)
    for pause, retry_after in script:
        now += pause
        secret, key = await credentials.key()
        assert key is not None
        awake = [other for other in credentials.secrets if other.rests_until <= now]
        assert secret in awake or not awake
        if retry_after is not None:
            credentials.refused(secret, APIError(ErrorKind.RATE_LIMIT, "", retry_after=retry_after))
            assert now <= secret.rests_until <= now + 3600


# The keyring


class Drawer(keyring.backend.KeyringBackend):
    """A keyring in this process."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.holds = {("ccproxy", "openai"): "sk-from-the-keyring"}
        self.asked = 0
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if self.locked:
            raise keyring.errors.KeyringLocked("who knows what it says: sk-from-the-keyring")
        return self.holds.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.holds[service, username] = password


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before = keyring.get_keyring()
    drawer = Drawer()
    keyring.set_keyring(drawer)
    yield drawer
    keyring.set_keyring(before)


async def test_the_keyring_is_asked_once_for_a_while(drawer: Drawer) -> None:
    secret = Secret(KeyringKey("ccproxy", "openai"))
    assert [await secret.value(), await secret.value()] == ["sk-from-the-keyring"] * 2
    assert drawer.asked == 1


async def test_what_the_keyring_does_not_hold_is_told_with_the_way_to_put_it_there(drawer: Drawer) -> None:
    with pytest.raises(UpstreamError, match="keyring set ccproxy 'my key'"):
        await Secret(KeyringKey("ccproxy", "my key")).value()


async def test_a_locked_keyring_is_told_in_our_own_words(drawer: Drawer) -> None:
    drawer.locked = True
    with pytest.raises(UpstreamError, match="does not give ccproxy/openai: KeyringLocked") as caught:
        await Secret(KeyringKey("ccproxy", "openai")).value()
    assert "sk-" not in str(caught.value)


async def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UpstreamError, match="need the extra `keyring`"):
        await Secret(KeyringKey("ccproxy", "openai")).value()


async def test_without_any_keyring_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(service: str, name: str) -> str:
        raise keyring.errors.NoKeyringError

    monkeypatch.setattr(keyring, "get_password", nobody)
    with pytest.raises(UpstreamError, match="use env:NAME or command:"):
        await Secret(KeyringKey("ccproxy", "openai")).value()


def test_keys_are_in_no_repr() -> None:
    assert "sk-secret" not in repr(LiteralKey("sk-secret")) + repr(Credentials(LiteralKey("sk-secret"), AuthStyle.BEARER))


def test_styles_say_the_header() -> None:
    assert AuthStyle.BEARER.header("k") == ("authorization", "Bearer k")
    assert AuthStyle.X_API_KEY.header("k") == ("x-api-key", "k")
