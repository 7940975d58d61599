"""Keys on their way: of several each in its turn, and none to anybody but its provider."""

import socket
from collections.abc import AsyncIterator, Sequence

import pytest
from attrs import evolve

from ccproxy_cli.backends.calling import Calling
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey, Secret
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.profile import Profile
from tests.backends.samples import ASKED, CHAT_BODY
from tests.backends.test_http import collected
from tests.raw_upstream import Heard, RawUpstream, json_reply, reply

KEYS = ("key-aaaaaaaaaaaaaaaa", "key-bbbbbbbbbbbbbbbb", "key-cccccccccccccccc")
PATIENT = TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)
LIMITED = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
REFUSED = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
SPENT = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota", "type": "insufficient_quota"}}
WRONG = {"error": {"message": "Invalid value for 'messages'", "type": "invalid_request_error"}}
RELAYED = HTTPCall("POST", "/chat/completions", b'{"model":"m","messages":[{"role":"user","content":"x"}]}')


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def holding(keys: Sequence[str], url: str, **more: object) -> HTTPBackend:
    credentials = Credentials([LiteralKey(key) for key in keys], AuthStyle.BEARER)
    return HTTPBackend("up", FORMATS["openai-chat"], url, credentials, lambda _: Profile(), PATIENT, **more)  # type: ignore[arg-type]


def used(upstream: RawUpstream) -> list[str]:
    return [heard.headers["authorization"].removeprefix("Bearer ") for heard in upstream.heard]


async def test_requests_take_the_keys_in_turn(upstream: RawUpstream) -> None:
    upstream.will(json_reply(CHAT_BODY))
    backend = holding(KEYS, upstream.url)
    for _ in range(6):
        await collected(await backend.send(ASKED, Losses()))
    await backend.aclose()
    assert used(upstream) == [*KEYS, *KEYS]


@pytest.mark.parametrize(("body", "status"), [(LIMITED, 429), (SPENT, 429), (REFUSED, 401), (WRONG, 402)])
@pytest.mark.parametrize("lane", ["translated", "relayed"])
async def test_what_one_key_is_refused_another_may_get(upstream: RawUpstream, lane: str, body: object, status: int) -> None:
    async def refuse_the_first(heard: Heard) -> None:
        first = heard.headers["authorization"] == f"Bearer {KEYS[0]}"
        await (json_reply(body, status, retry_after="60") if first else json_reply(CHAT_BODY))(heard)

    upstream.will(refuse_the_first)
    backend = holding(KEYS, upstream.url)
    for _ in range(4):
        if lane == "relayed":
            await backend.relay(RELAYED, False)
        else:
            await collected(await backend.send(ASKED, Losses()))
    await backend.aclose()
    assert used(upstream).count(KEYS[0]) == 1
    assert len(upstream.heard) == 5


async def test_when_every_key_is_refused_each_was_tried_once_and_the_vendor_is_heard(upstream: RawUpstream) -> None:
    upstream.will(json_reply(LIMITED, 429, retry_after="0"))
    backend = holding(KEYS, upstream.url)
    with pytest.raises(UpstreamError) as caught:
        await backend.send(ASKED, Losses())
    await backend.aclose()
    assert sorted(used(upstream)) == sorted(KEYS)
    assert (caught.value.error.kind, caught.value.error.retry_after) == (ErrorKind.RATE_LIMIT, "0")


@pytest.mark.parametrize(("body", "status"), [(WRONG, 400), (WRONG, 403), (WRONG, 404), (WRONG, 500), (WRONG, 529)])
async def test_what_is_not_about_the_key_is_asked_once(upstream: RawUpstream, body: object, status: int) -> None:
    upstream.will(json_reply(body, status))
    backend = holding(KEYS, upstream.url)
    with pytest.raises(UpstreamError):
        await backend.send(ASKED, Losses())
    await backend.aclose()
    assert len(upstream.heard) == 1


async def test_every_key_is_kept_out_of_errors(upstream: RawUpstream) -> None:
    async def repeat_the_key(heard: Heard) -> None:
        said = f"{heard.headers['authorization']} and {heard.headers['x-more']} are no good"
        await json_reply({"error": {"message": said, "code": "invalid_api_key"}}, 401)(heard)

    upstream.will(repeat_the_key)
    more = Secret(LiteralKey("further-secret-0123456789"))
    backend = holding(KEYS, upstream.url, calling=Calling(secrets={"x-more": more}))
    with pytest.raises(UpstreamError) as caught:
        await backend.send(ASKED, Losses())
    await backend.aclose()
    assert not [secret for secret in (*KEYS, "further-secret-0123456789") if secret in str(caught.value)]


# Nobody but the provider


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("lane", ["translated", "relayed", "models"])
async def test_a_redirect_takes_no_key_along(upstream: RawUpstream, status: int, lane: str) -> None:
    async with RawUpstream() as thief:
        thief.will(json_reply(CHAT_BODY))
        upstream.will(reply(b"", status, location=f"{thief.url}/v1/chat/completions"))
        backend = holding(KEYS[:1], upstream.url)
        with pytest.raises(UpstreamError, match="redirect, which is never followed"):
            if lane == "relayed":
                await backend.relay(RELAYED, False)
            elif lane == "models":
                await backend.models()
            else:
                await backend.send(ASKED, Losses())
        await backend.aclose()
        assert (thief.connections, len(upstream.heard)) == (0, 1)


@pytest.mark.parametrize(
    "path", ["//{thief}/x", "/@{thief}/x", "/\\{thief}/x", "/..//{thief}/x", "/http://{thief}/x", "/%2f%2f{thief}/x", "/x?u=http://{thief}"]
)
async def test_no_path_of_a_client_leads_elsewhere(upstream: RawUpstream, path: str) -> None:
    async with RawUpstream() as thief:
        thief.will(json_reply(CHAT_BODY))
        upstream.will(json_reply(CHAT_BODY))
        backend = holding(KEYS[:1], upstream.url)
        await backend.relay(evolve(RELAYED, path=path.replace("{thief}", f"127.0.0.1:{thief.port}")), False)
        await backend.aclose()
        assert (thief.connections, len(upstream.heard)) == (0, 1)
        assert upstream.heard[0].headers["host"] == f"127.0.0.1:{upstream.port}"


async def test_a_clients_headers_neither_name_the_host_nor_replace_the_key(upstream: RawUpstream) -> None:
    upstream.will(json_reply(CHAT_BODY))
    backend = holding(KEYS[:1], upstream.url, calling=Calling(travelling=frozenset({"x-title"})))
    theirs = {
        "host": "evil.example",
        "authorization": "Bearer theirs",
        "x-forwarded-host": "evil.example",
        "forwarded": "host=evil.example",
    }
    await backend.relay(evolve(RELAYED, headers={**theirs, "x-title": "Mine"}), False)
    await backend.aclose()
    heard = upstream.heard[0].headers
    assert (heard["host"], heard["authorization"], heard["x-title"]) == (f"127.0.0.1:{upstream.port}", f"Bearer {KEYS[0]}", "Mine")
    assert "evil" not in str(heard)


# Limits of time


async def test_who_cannot_be_reached_is_given_up_on() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)  # nobody ever accepts, so its queue fills up and further calls are left hanging
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        credentials = Credentials(LiteralKey(KEYS[0]), AuthStyle.BEARER)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        timeouts = TimeoutSettings(connect=0.3, first_byte=20, idle=20, total=30)
        backend = HTTPBackend("up", FORMATS["openai-chat"], url, credentials, lambda _: Profile(), timeouts)
        with pytest.raises(UpstreamError, match=r"up could not be reached within 0\.3 seconds") as caught:
            await backend.send(ASKED, Losses())
        await backend.aclose()
    assert caught.value.error.kind is ErrorKind.UPSTREAM_TIMEOUT
