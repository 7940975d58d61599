"""`usage` shows what servers have counted in their store."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.core.catalog import Price
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.ledger import Ledger
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.behind import WriteBehind
from ccproxy_cli.stores.redis import RedisStore
from ccproxy_cli.stores.sqlite import SQLiteStore
from tests.cli.conftest import ONLY_ECHO, Cli
from tests.stores.redis_server import running


def file_of(cli: Cli) -> Path:
    return Path(cli.environ["HOME"]) / ".local" / "state" / "ccproxy" / "state.db"


def count(store: Store, *ended: tuple[str, str | None, Usage | None, bool]) -> None:
    """Have a server count requests: route, client, tokens, whether they failed."""

    async def counted() -> None:
        later = WriteBehind(store)
        ledger = Ledger(later, lambda provider, model: Price(10, 100, 1) if model == "gpt-priced" else None)
        for route, client, usage, failed in ended:
            call = HTTPCall("POST", "/chat/completions", b"{}", {}, "")
            exchange = Exchange("id", FORMATS["openai-chat"], call, route=route, client=client, usage=usage, tries=1, complete=True)
            ledger.note(exchange, "upstream_error" if failed else "ok")
        await later.flush()
        await store.aclose()

    asyncio.run(counted())


TOKENS = Usage(input=1200, cache_read=30_000, cache_write=7, output=150)
SOME: Any = (
    ("claude/sonnet", "ci", TOKENS, False),
    ("claude/sonnet", None, TOKENS, False),
    ("up/gpt", None, None, True),
    ("up/gpt", None, None, False),
)


def test_nothing_has_been_used_and_nothing_is_made(cli: Cli) -> None:
    ran = cli("usage")
    assert (ran.code, ran.out, ran.err) == (0, "nothing has been used yet\n", "")
    assert not file_of(cli).exists()


def test_models_are_counted_and_summed(cli: Cli) -> None:
    count(SQLiteStore(file_of(cli)), *SOME)
    ran = cli("usage")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "MODEL          REQUESTS  FAILED  INPUT  FROM CACHE  TO CACHE  OUTPUT  COST",
        "claude/sonnet  2         0       2,400  60,000      14        300",
        "up/gpt         2         1       0      0           0         0",
        "all            4         1       2,400  60,000      14        300",
    ]
    assert "the tokens of 1 answers are not among them" in ran.err


def test_what_has_a_price_is_told_in_dollars(cli: Cli) -> None:
    count(SQLiteStore(file_of(cli)), *SOME, ("up/gpt-priced", None, Usage(input=100_000, cache_read=10_000, output=1000), False))
    ran = cli("usage")
    ends = [line.split()[-1] for line in ran.out.splitlines()]
    assert (ends[-2], ends[-1]) == ("$1.11", "$1.11")
    assert "the cost of 2 answers is not among them" in ran.err
    assert cli("usage", "--json").envelope["data"]["total"]["cost"] == pytest.approx(1.11)


@pytest.mark.parametrize(("by", "names"), [("client", ["(no token of its own)", "ci"]), ("model", ["claude/sonnet", "up/gpt"])])
def test_groups_are_told_to_programs(cli: Cli, by: str, names: list[str]) -> None:
    count(SQLiteStore(file_of(cli)), *SOME)
    data = cli("usage", "--by", by, "--json").envelope["data"]
    assert [group[by] for group in data["groups"]] == names
    assert data["total"] == {name: sum(group[name] for group in data["groups"]) for name in data["total"]}
    assert sum(row["requests"] for row in data["rows"]) == data["total"]["requests"] == 4


def test_days_are_one_line_each(cli: Cli) -> None:
    count(SQLiteStore(file_of(cli)), *SOME)
    assert len(cli("usage", "--by", "day", "--days", "2").out.splitlines()) == 2  # the heading, and the day


def test_a_shared_store_is_asked(cli: Cli, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        count(RedisStore(server.url), *SOME)
        cli.configure(ONLY_ECHO + f'[store]\nurl = "{server.url}"\n')
        assert cli("usage", "--json").envelope["data"]["total"]["requests"] == 4
        server.kill()
        ran = cli("usage")
        assert ran.code == 1
        assert f"the store at {server.url} cannot be used" in ran.err
        server.start()


def test_what_ends_with_each_server_cannot_be_shown(cli: Cli) -> None:
    cli.configure(ONLY_ECHO + '[store]\nurl = "memory"\n')
    ran = cli("usage")
    assert ran.code == 1
    assert "Set it to sqlite." in ran.err


def test_other_groups_are_refused(cli: Cli) -> None:
    assert cli("usage", "--by", "weather").code == 2


def test_what_is_left_of_a_login_is_told_as_far_as_it_was(cli: Cli) -> None:
    async def noted() -> None:
        store = SQLiteStore(file_of(cli))
        told = {"unifiedWindows": {"five_hour": {"utilization": 0.25, "resetsAt": time.time() + 3600, "status": "allowed"}}}
        await store.put("standing/claude", json.dumps(told).encode(), 60)
        await store.aclose()

    asyncio.run(noted())
    cli.configure(ONLY_ECHO + '[providers.claude]\npreset = "claude-code"\n')
    assert "claude: five hour limit used to 25%, new in 60 min" in cli("usage").out
    assert list(cli("usage", "--json").envelope["data"]["accounts"]) == ["claude"]
