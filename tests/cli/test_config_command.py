"""`config`: what is set, where it came from, where a name leads."""

from tests.cli.conftest import Cli

KEY = "sk-0123456789abcdef0123"


def test_every_value_has_its_source(cli: Cli) -> None:
    path = cli.configure(
        f'[server]\nport = 81\n[providers.up]\npreset = "openai"\napi_key = "{KEY}"\n[models]\n"a*" = ["up/x", "echo/echo"]\n'
    )
    (cli.folder / ".env").write_text("LOG_LEVEL=debug\n")
    ran = cli("config", "show", "--json", HOST="127.0.0.2")
    found = {setting["key"]: (setting["value"], setting["source"], setting["where"]) for setting in ran.envelope["data"]["settings"]}
    assert found["server.host"] == ("127.0.0.2", "environment", "HOST")
    assert found["server.port"] == (81, "config file", f"{path}:2")
    assert found["server.log_level"] == ("debug", ".env", f"{cli.folder}/.env:1 LOG_LEVEL")
    assert found["timeouts.idle"] == (120.0, "default", None)
    assert found["providers.up.api_key"] == ("****0123", "config file", f"{path}:5")
    assert found['models."a*"'] == (["up/x", "echo/echo"], "config file", f"{path}:7")
    assert found["providers.echo.preset"] == ("echo", "detected", "embedded")


def test_no_secret_is_ever_shown(cli: Cli) -> None:
    cli.configure(f'[server]\ntoken = "{KEY}"\n[providers.c]\npreset = "claude-code"\nenvironment = {{ ANTHROPIC_API_KEY = "{KEY}" }}\n')
    for arguments in (("config", "show"), ("config", "show", "--json"), ("models", "-p", "echo"), ("serve", "--host", "256.1.1.1")):
        ran = cli(*arguments)
        assert KEY not in ran.out + ran.err, arguments


def test_without_a_file_the_place_for_one_is_told(cli: Cli) -> None:
    ran = cli("config", "path", CCPROXY_CONFIG="", XDG_CONFIG_HOME="/nowhere")
    assert (ran.code, ran.out) == (0, "/nowhere/ccproxy/config.toml\n")
    assert cli("config", "path").out == cli.environ["CCPROXY_CONFIG"] + "\n"


def test_a_route_is_explained(cli: Cli) -> None:
    path = cli.configure('[providers.up]\npreset = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n[models]\n"claude-*" = "up/big-*"\n')
    data = cli("config", "explain", "claude-x", "--json").envelope["data"]
    target = {"provider": "up", "target_model": "big-x", "preset": "openai", "base_url": "http://127.0.0.1:9/v1"}
    assert data == {"model": "claude-x", **target, "why": 'rule "claude-*"', "where": f"{path}:5", "chain": [target]}
    assert "up/big-x" in cli("config", "explain", "claude-x").out


RULES = """
[providers.up]
preset = "openai"
base_url = "http://127.0.0.1:9/v1"
[clients.alice]
token = "alice-0123456789abcdef0123456789"
models = ["gpt-*"]
[models]
"*" = "up/*"
[[rules]]
to = ["up/deep", "echo/echo"]
thinking = true
[[rules]]
to = "up/long"
min_tokens = 1000
client = "alice"
"""


def test_a_rule_is_explained_with_its_line_and_its_chain(cli: Cli) -> None:
    path = cli.configure(RULES)
    line = RULES.splitlines().index("thinking = true") - 1
    data = cli("config", "explain", "m", "--thinking", "--json").envelope["data"]
    assert (data["why"], [member["target_model"] for member in data["chain"]]) == ("rule 1: thinking", ["deep", "echo"])
    assert data["where"] in (f"{path}:{line}", f"{path}:{line + 1}", f"{path}:{line + 2}")
    told = cli("config", "explain", "m", "--thinking").out
    assert "up/deep" in told
    assert "then to" in told
    assert cli("config", "explain", "gpt-5", "--tokens", "2000", "--json").envelope["data"]["target_model"] == "gpt-5"
    assert cli("config", "explain", "gpt-5", "--tokens", "2000", "--client", "alice", "--json").envelope["data"]["target_model"] == "long"


def test_a_client_is_told_what_it_may_not_ask_for(cli: Cli) -> None:
    cli.configure(RULES)
    refused = cli("config", "explain", "m", "--client", "alice")
    assert refused.code == 1
    assert "not among the models that alice may ask for" in refused.err
    unknown = cli("config", "explain", "m", "--client", "alise")
    assert unknown.code == 2
    assert "did you mean 'alice'" in unknown.err


def test_the_current_folder_may_not_redirect_keys(cli: Cli) -> None:
    file = cli.folder / "ccproxy.toml"
    up = 'preset = "openai"\nbase_url = "{}"\napi_key = "env:OPENAI_API_KEY"'
    file.write_text(f'[providers.echo]\npreset = "echo"\n[providers.up]\n{up.format("https://example.org/v1")}\n')
    ran = cli("ask", "-m", "echo", "hi", CCPROXY_CONFIG="")
    assert (ran.code, ran.out) == (2, "")
    assert f"not done unasked: {file} of the current folder sends OPENAI_API_KEY to https://example.org/v1" in ran.err
    assert cli("ask", "-m", "echo", "hi", CCPROXY_CONFIG=str(file)).out == "hi\n"


def test_nor_in_silence_to_another_program_of_this_machine(cli: Cli) -> None:
    file = cli.folder / "ccproxy.toml"
    up = 'preset = "openai"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "env:OPENAI_API_KEY"'
    file.write_text(f'[providers.echo]\npreset = "echo"\n[providers.up]\n{up}\n')
    ran = cli("ask", "-m", "echo", "hi", CCPROXY_CONFIG="")
    assert ran.out == "hi\n"
    assert ran.err == f"note: {file} of the current folder sends OPENAI_API_KEY to http://127.0.0.1:9/v1\n"


def test_no_secret_of_a_provider_is_shown(cli: Cli) -> None:
    keys = '["env:FIRST", "sk-literal-second-0123456789"]'
    cli.configure(
        f'[providers.up]\npreset = "openai"\napi_key = {keys}\nheaders = {{ X-Auth = "literal-header-0123456789", X-Team = "blue" }}\n'
    )
    ran = cli("config", "show", "--json")
    shown = {setting["key"]: setting["value"] for setting in ran.envelope["data"]["settings"]}
    assert shown["providers.up.api_key"] == ["env:FIRST", "****6789"]
    assert (shown["providers.up.headers.X-Auth"], shown["providers.up.headers.X-Team"]) == ("****6789", "blue")
    assert "literal" not in ran.out + cli("config", "show").out


def test_the_password_of_a_store_is_not_shown(cli: Cli) -> None:
    cli.configure('[providers.echo]\npreset = "echo"\n[store]\nurl = "redis://:pass-word@store.example/0"\n')
    ran = cli("config", "show")
    assert "redis://:****@store.example/0" in ran.out
    assert "pass-word" not in ran.out + ran.err + cli("config", "show", "--json").out
