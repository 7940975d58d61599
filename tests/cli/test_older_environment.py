"""The environment of older proxies, and nothing else, down to what the upstream is sent."""

import json
from pathlib import Path

from tests.cli.conftest import Cli, Upstream


def test_the_variables_alone_lead_limit_and_mark(cli: Cli, upstream: Upstream) -> None:
    upstream.go.set()
    cli.configure("")
    older = {
        "OPENAI_API_KEY": "sk-x",
        "OPENAI_BASE_URL": f"{upstream.url}/v1",
        "BIG_MODEL": "big-one",
        "SMALL_MODEL": "small-one",
        "MAX_TOKENS_LIMIT": "50",
    }
    ran = cli("ask", "-m", "claude-3-5-sonnet-latest", "--max-tokens", "9000", "--no-save", "hi", **older)
    assert (ran.code, ran.out) == (0, "Wait over.\n")
    assert "lowered to the model's 50" in ran.err
    assert cli("ask", "-m", "claude-3-5-haiku-latest", "--no-save", "hi", **older).code == 0
    first, second = upstream.requests
    assert (first["model"], second["model"]) == ("big-one", "small-one")
    assert first.get("max_tokens", first.get("max_completion_tokens")) == 50


def test_a_routers_file_leads_questions_where_it_did(cli: Cli, upstream: Upstream) -> None:
    upstream.go.set()
    provider = {"name": "up", "api_base_url": f"{upstream.url}/v1/chat/completions", "api_key": "k", "models": ["plain", "wide"]}
    router = {"default": "up,plain", "longContext": "up,wide", "longContextThreshold": 500}
    path = Path(cli.environ["CCPROXY_CONFIG"]).with_name("config.json")
    path.write_text(json.dumps({"Providers": [provider], "Router": router}))
    for question in ("short", "a long story " * 500):
        assert cli("ask", "-m", "claude-sonnet-4-5", "--no-save", "--config", str(path), question).code == 0
    assert cli("ask", "-m", "up,other", "--no-save", "--config", str(path), "short").code == 0
    assert [request["model"] for request in upstream.requests] == ["plain", "wide", "other"]
