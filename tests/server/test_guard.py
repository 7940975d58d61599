"""Who may ask, decided on the head alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.settings import ServerSettings
from ccproxy_cli.core.errors import ErrorKind
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
    error = guard.refuse(asked)
    return None if error is None else error.kind


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
    error = LOCAL.refuse(head(*headers))
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
    error = LOCKED.refuse(asked)
    assert error is not None
    assert (error.kind, error.should_retry) == (ErrorKind.AUTHENTICATION, False)
    assert TOKEN not in repr(error)


@given(key=st.text(max_size=60))
def test_no_other_text_is_the_token(key: str) -> None:
    assert (verdict(LOCKED, head(("x-api-key", key))) is None) == (key == TOKEN)


def test_only_what_tells_nothing_is_open() -> None:
    assert [path for path in ("/", "/health", "/ready", "/schema", "/v1/models", "/nope") if LOCKED.refuse(head(path=path)) is None] == [
        "/",
        "/health",
    ]
    assert LOCKED.refuse(head(host="evil.example", path="/health")) is not None
