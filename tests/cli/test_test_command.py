"""`test`: what people see of the battery."""

from ccproxy_cli.core.formats import FORMATS
from tests.cli.conftest import Cli, Upstream


def test_offline_every_client_format_is_tried(cli: Cli) -> None:
    ran = cli("test", "--offline", "--explain")
    assert ran.code == 0
    assert ran.out.startswith("BACKEND")
    for name in FORMATS:
        assert f"{name} client (echo)" in ran.out
    assert "failed" not in ran.out.splitlines()[-1]


def test_a_backend_that_fails_makes_the_command_fail(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    upstream.go.set()
    ran = cli("test", "--provider", "up", "--json")
    assert ran.code == 1
    envelope = ran.envelope
    assert envelope["status"] == "partial"
    (report,) = envelope["data"]["reports"]
    assert (report["subject"], report["model"]) == ("up", "up/m")
    verdicts = {case["case"]: case["verdict"] for case in report["cases"]}
    assert verdicts["stream"] == "passed"
    assert verdicts["tools"] == verdicts["tool stream"] == "failed"
    assert any("did not call the tool" in error["message"] for error in envelope["errors"])


def test_a_backend_without_a_key_is_tried_once(cli: Cli) -> None:
    cli.configure('[providers.up]\npreset = "openai"\napi_key = "env:NOT_SET_ANYWHERE"\n')
    ran = cli("test", "--provider", "up")
    assert ran.code == 1
    assert ran.err == ""
    assert ran.out.count("FAILED") == 1
    assert ran.out.splitlines()[-1] == "1 failed, 7 not tried"


def test_one_model_is_tested_where_it_is_served(cli: Cli) -> None:
    (report,) = cli("test", "--model", "echo", "--json").envelope["data"]["reports"]
    assert report["subject"] == "echo"


def test_an_unknown_provider_is_a_usage_error(cli: Cli) -> None:
    ran = cli("test", "--provider", "nobody")
    assert ran.code == 2
    assert "there is no provider 'nobody'; there are: echo" in ran.err
