"""The store in a server: through its absence, behind its doors, and silent about its password."""

import asyncio
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccproxy_cli.stores.base import Bucket, StoreError
from ccproxy_cli.stores.redis import RedisStore
from tests.stores.certificate import make_certificate
from tests.stores.redis_server import RedisServer, free_port, running

PASSWORD = "s3cret/of:the@store"
QUOTED = "s3cret%2Fof%3Athe%40store"
BUCKET = Bucket("b", 0.1, 10)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may kill."""
    with running(tmp_path) as server:
        yield server


async def test_nobody_is_called_before_the_first_step() -> None:
    store = RedisStore("redis://127.0.0.1:1/0")
    await store.aclose()


async def test_a_server_that_is_not_there_is_named() -> None:
    store = RedisStore(f"redis://:{QUOTED}@127.0.0.1:1/0")
    with pytest.raises(StoreError, match=r"redis://127\.0\.0\.1:1/0 cannot be used") as caught:
        await store.get("k")
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in repr(store)
    await store.aclose()


async def test_a_server_that_comes_back_is_used_again(own_server: RedisServer) -> None:
    store = RedisStore(own_server.url)
    await store.spend(BUCKET, 10)
    own_server.kill()
    with pytest.raises(StoreError):
        await store.put("k", b"v", 60)
    own_server.start()
    await store.put("k", b"v", 60)
    assert await store.get("k") == b"v"
    assert (await store.spend(BUCKET, 10)).granted  # nothing is left there, the scripts not either
    await store.aclose()


async def test_a_password_opens_and_never_shows(tmp_path: Path) -> None:
    with running(tmp_path, "--requirepass", PASSWORD) as server:
        address = f"127.0.0.1:{server.port}/0"
        store = RedisStore(f"redis://:{QUOTED}@{address}")
        await store.put("k", b"v", 60)
        assert await store.get("k") == b"v"
        await store.aclose()
        for url in (f"redis://{address}", f"redis://:wrong-{QUOTED}@{address}", f"redis://somebody:{QUOTED}@{address}"):
            refused = RedisStore(url)
            with pytest.raises(StoreError, match="cannot be used") as caught:
                await refused.get("k")
            assert "s3cret" not in "".join(traceback.format_exception(caught.value))
            await refused.aclose()


async def test_a_server_behind_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    port = free_port()
    options = ("--port", "0", "--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no")
    with running(tmp_path, *options):
        store = RedisStore(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}")
        await store.put("k", b"v", 60)
        assert await store.get("k") == b"v"
        await store.aclose()
        stranger = RedisStore(f"rediss://127.0.0.1:{port}/0")
        with pytest.raises(StoreError, match=r"(?i)certificate"):
            await stranger.get("k")
        await stranger.aclose()


async def test_a_server_at_a_socket(tmp_path: Path) -> None:
    with running(tmp_path, "--unixsocket", str(tmp_path / "r.sock")):
        store = RedisStore(f"unix://{tmp_path}/r.sock")
        await store.put("k", b"v", 60)
        assert await store.get("k") == b"v"
        await store.aclose()


async def test_a_server_that_says_nothing_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and leaves it at that
        store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        with pytest.raises(StoreError, match="cannot be used"):
            await store.get("k")
        await store.aclose()


async def test_everything_stands_under_the_prefix_and_ends(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url, "mine:")
    await store.put("k", b"v", 60)
    await store.put_new("k2", b"v", 60)
    await store.spend(BUCKET, 1)
    await store.add("c", {"n": 1}, 60)
    keys = [key async for key in store._client.scan_iter("mine:*")]
    assert len(keys) == 5
    ends = {key: await store._client.ttl(key) for key in keys if key != b"mine:counted"}
    assert all(0 < seconds <= 60 for seconds in ends.values()), ends
    await store.aclose()


async def test_many_steps_at_once_share_the_connections(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url, "many:")
    await asyncio.gather(*(store.put(f"k/{index}", b"%d" % index, 60) for index in range(500)))
    assert await asyncio.gather(*(store.get(f"k/{index}") for index in range(500))) == [b"%d" % index for index in range(500)]
    await store.aclose()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis://127.0.0.1/zero", "redis://127.0.0.1:port/0"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        RedisStore(url)
