"""Who may ask, decided on the head alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.settings import ServerSettings
from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.server.asgi import Head
from ccproxy_cli.server.guard import Guard, client_keys

TOKEN = "the-token-0123456789"
LOCAL = Guard.of(ServerSettings(), None)
LOCKED = Guard.of(ServerSettings(), TOKEN)
WIDE = Guard.of(ServerSettings(host="0.0.0.0", allowed_hosts=("proxy.example.com", "Other.Example.")), TOKEN)
WEB = Guard.of(ServerSettings(allowed_origins=("https://app.example", "http://localhost:3000/")), None)


def head(*headers: tuple[str, str], host: str | None = "localhost:8000", query: str = "", path: str = "/v1/models") -> Head:
    pairs = ([("host", host)] if host is not None else []) + list(headers)
    encoded = [(name.encode(), value.encode("utf-8")) for name, value in pairs]
    return Head.of({"method": "GET", "query_string": query.encode(), "headers": encoded}, path)


def verdict(guard: Guard, asked: Head) -> ErrorKind | None:
    error = refusal(guard, asked)
    return None if error is None else error.kind


def refusal(guard: Guard, asked: Head) -> APIError | None:
    return guard.refuse(asked, guard.caller(asked))


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST:8000", "localhost.", "localhost.:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8"],
)
def test_loopback_names_are_served(host: str) -> None:
    assert verdict(LOCAL, head(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "127.0.0.1.evil.example:8000",
        "evil.example@localhost",
        "localhost@evil.example",
        "127.0.0.2",
        "0.0.0.0",
        "192.168.0.1:8000",
        "localhostx",
        "xlocalhost",
        "[::2]",
        "",
        ".",
        "127.1",
        "0x7f.1",
        "proxy.example.com",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert verdict(LOCAL, head(host=host)) is ErrorKind.PERMISSION


@pytest.mark.parametrize("host", ["localhost:", "localhost:80:80", "localhost:8a", "localhost:123456", "[::1]x", "[::1"])
def test_a_malformed_host_is_never_served(host: str) -> None:
    assert (verdict(LOCAL, head(host=host)) is None) == (host == "localhost:")


def test_there_must_be_exactly_one_host() -> None:
    assert verdict(LOCAL, head(host=None)) is ErrorKind.INVALID_REQUEST
    assert verdict(LOCAL, head(("host", "localhost"))) is ErrorKind.INVALID_REQUEST
    assert verdict(LOCAL, head(("x-forwarded-host", "localhost"), host="evil.example")) is ErrorKind.PERMISSION


@pytest.mark.parametrize("host", ["192.168.0.1:8000", "10.0.0.1", "[fe80::1]:80", "proxy.example.com", "other.example:1", "localhost"])
def test_beyond_loopback_addresses_and_configured_names_are_served(host: str) -> None:
    assert verdict(WIDE, head(("x-api-key", TOKEN), host=host)) is None
    assert verdict(WIDE, head(("x-api-key", TOKEN), host="evil.example")) is ErrorKind.PERMISSION


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://localhost", "file://", ""])
def test_a_foreign_origin_is_refused(origin: str) -> None:
    assert verdict(LOCAL, head(("origin", origin))) is ErrorKind.PERMISSION


def test_our_own_pages_and_allowed_origins_may_ask() -> None:
    assert verdict(LOCAL, head(("origin", "http://localhost:8000"))) is None
    assert verdict(WEB, head(("origin", "https://app.example"), ("sec-fetch-site", "cross-site"))) is None
    assert verdict(WEB, head(("origin", "http://localhost:3000"))) is None
    assert verdict(WEB, head(("origin", "https://app.example.evil"))) is ErrorKind.PERMISSION
    assert verdict(WEB, head(("origin", "https://app.example"), ("origin", "https://evil.example"))) is ErrorKind.PERMISSION


@pytest.mark.parametrize(("value", "refused"), [("cross-site", True), ("same-site", True), ("same-origin", False), ("none", False)])
def test_fetches_from_other_sites_are_refused_even_without_an_origin(value: str, refused: bool) -> None:
    assert (verdict(LOCAL, head(("sec-fetch-site", value))) is ErrorKind.PERMISSION) == refused


def test_a_request_from_a_ccproxy_is_a_loop() -> None:
    assert verdict(LOCAL, head(("x-ccproxy-hop", "1"))) is ErrorKind.LOOP


@pytest.mark.parametrize(
    "headers",
    [
        (("content-length", "5"), ("transfer-encoding", "chunked")),
        (("content-length", "5"), ("content-length", "6")),
        (("content-length", "5"), ("content-length", "5")),
        (("transfer-encoding", "chunked, identity"),),
        (("transfer-encoding", "gzip"),),
    ],
)
def test_a_body_must_have_one_length(headers: tuple[tuple[str, str], ...]) -> None:
    error = refusal(LOCAL, head(*headers))
    assert error is not None
    assert (error.kind, error.headers) == (ErrorKind.INVALID_REQUEST, {"connection": "close"})


@pytest.mark.parametrize(
    "asked",
    [
        head(("authorization", f"Bearer {TOKEN}")),
        head(("authorization", f"bearer   {TOKEN} ")),
        head(("x-api-key", TOKEN)),
        head(("x-goog-api-key", TOKEN)),
        head(query=f"alt=sse&key={TOKEN}"),
        head(("authorization", "Bearer other"), ("x-api-key", TOKEN)),
    ],
)
def test_the_token_is_taken_from_every_place_a_vendor_looks(asked: Head) -> None:
    assert verdict(LOCKED, asked) is None
    assert TOKEN.encode() in client_keys(asked)


@pytest.mark.parametrize(
    "asked",
    [
        head(),
        head(("authorization", TOKEN)),
        head(("authorization", f"Basic {TOKEN}")),
        head(("authorization", "Bearer")),
        head(("authorization", "Bearer ")),
        head(("x-api-key", TOKEN + "x")),
        head(("x-api-key", TOKEN[:-1])),
        head(("x-api-key", TOKEN.upper())),
        head(("x-api-key", "kéy")),
        head(("x-api-key", "' OR 1=1 --")),
        head(("cookie", f"key={TOKEN}")),
        head(query=f"akey={TOKEN}"),
        head(("x-forwarded-for", "127.0.0.1")),
    ],
)
def test_without_it_nobody_is_served(asked: Head) -> None:
    error = refusal(LOCKED, asked)
    assert error is not None
    assert (error.kind, error.should_retry) == (ErrorKind.AUTHENTICATION, False)
    assert TOKEN not in repr(error)


TEAM = Guard.of(ServerSettings(), TOKEN, {"ann": "token-of-ann-0123", "bob": "token-of-bob-0123"})


@pytest.mark.parametrize(
    ("headers", "client", "key"),
    [
        ((("authorization", "Bearer token-of-ann-0123"),), "ann", None),
        ((("x-api-key", "token-of-bob-0123"),), "bob", None),
        ((("x-api-key", TOKEN),), None, None),
        ((("authorization", f"Bearer {TOKEN}"), ("x-api-key", "token-of-bob-0123")), "bob", None),
        ((("authorization", "Bearer token-of-ann-0123"), ("x-api-key", "sk-ant-mine")), "ann", "sk-ant-mine"),
        ((("authorization", "Bearer sk-mine"), ("x-goog-api-key", TOKEN)), None, "sk-mine"),
    ],
)
def test_a_client_is_known_by_its_token_which_is_no_key_for_a_provider(
    headers: tuple[tuple[str, str], ...], client: str | None, key: str | None
) -> None:
    asked = head(*headers)
    caller = TEAM.caller(asked)
    assert caller.token is not None
    assert (caller.token.client, caller.key) == (client, key)
    assert TEAM.refuse(asked, caller) is None
    assert not [word for word in (TOKEN, "token-of", "mine") if word in repr(TEAM) or word in repr(caller)]


def test_a_query_offers_one_key() -> None:
    assert client_keys(head(("x-api-key", "a"), query="key=&key=%62&key=c&akey=d" + "&key=e" * 1000)) == [b"a", b"b"]


def test_with_clients_alone_strangers_stay_outside() -> None:
    clients = Guard.of(ServerSettings(), None, {"ann": "token-of-ann-0123"})
    assert verdict(clients, head()) is ErrorKind.AUTHENTICATION
    assert verdict(clients, head(("x-api-key", "token-of-ann-012"))) is ErrorKind.AUTHENTICATION
    assert verdict(clients, head(query="key=token-of-ann-0123")) is None


@given(keys=st.lists(st.sampled_from([TOKEN, "token-of-ann-0123", "token-of-bob-0123", "sk-other", "sk-more"]), min_size=1, max_size=4))
def test_no_token_of_ours_is_ever_taken_for_a_providers_key(keys: list[str]) -> None:
    places = ["authorization", "x-api-key", "x-goog-api-key"]
    headers = [(name, f"Bearer {key}" if name == "authorization" else key) for name, key in zip(places, keys, strict=False)]
    caller = TEAM.caller(head(*headers, query=f"key={keys[3]}" if len(keys) > 3 else ""))
    assert caller.key == next((key for key in keys if key.startswith("sk-")), None)
    assert (caller.token is None) == all(key.startswith("sk-") for key in keys)


@given(key=st.text(max_size=60))
def test_no_other_text_is_the_token(key: str) -> None:
    assert (verdict(LOCKED, head(("x-api-key", key))) is None) == (key == TOKEN)


def test_only_what_tells_nothing_is_open() -> None:
    assert [path for path in ("/", "/health", "/ready", "/schema", "/v1/models", "/nope") if refusal(LOCKED, head(path=path)) is None] == [
        "/",
        "/health",
    ]
    assert refusal(LOCKED, head(host="evil.example", path="/health")) is not None
