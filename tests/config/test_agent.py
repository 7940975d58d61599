"""An agent is configured by the user alone, and only where nobody else can reach it."""

from pathlib import Path

import pytest

from ccproxy_cli.config.load import check_exposure, load
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.settings import AgentSettings

STRONG = "5f0c1d6b8a4e42d79c3b"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder for the agent."""
    path = tmp_path / "work"
    path.mkdir()
    return path


def written(tmp_path: Path, agent: str, server: str = 'token = "env:T"', preset: str = "claude-code") -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(f'[server]\n{server}\n[providers.worker]\npreset = "{preset}"\n[providers.worker.agent]\n{agent}\n')
    path.chmod(0o600)
    return path


def refusal(tmp_path: Path, agent: str, server: str = 'token = "env:T"', preset: str = "claude-code") -> str:
    """The one problem there is, without the name of the file."""
    path = written(tmp_path, agent, server, preset)
    with pytest.raises(ConfigError) as caught:
        load({}, tmp_path, file=path)
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{path}:")


def test_it_is_read(tmp_path: Path, work: Path) -> None:
    rules = 'permission_mode = "acceptEdits"\nallowed_tools = ["Bash(git diff *)", "WebSearch"]'
    settings = load({}, tmp_path, file=written(tmp_path, f'directory = "{work}"\n{rules}')).settings
    assert settings.providers["worker"].agent == AgentSettings(str(work), "acceptEdits", ("Bash(git diff *)", "WebSearch"))
    plain = load({}, tmp_path, file=written(tmp_path, f'directory = "{work}"')).settings
    assert plain.providers["worker"].agent == AgentSettings(str(work), "dontAsk", ())


@pytest.mark.parametrize(
    ("server", "start"),
    [
        ("port = 1", "5: an agent acts on this machine for whoever can reach the port; set server.token"),
        ('token = "sesame"', "5: an agent acts on this machine, and server.token is easily guessed"),
        (
            f'token = "{STRONG}"\nhost = "0.0.0.0"',
            '6: an agent acts on this machine, which others may reach as 0.0.0.0; set server.host = "127',
        ),
        (
            'token = "env:T"\nallowed_hosts = ["box.example"]',
            "6: an agent acts on this machine, which others may reach as box.example; set",
        ),
    ],
)
def test_nobody_else_may_reach_it(tmp_path: Path, work: Path, server: str, start: str) -> None:
    assert refusal(tmp_path, f'directory = "{work}"', server).startswith(start)


def test_nobody_else_may_reach_it_by_option_or_variable(tmp_path: Path, work: Path) -> None:
    path = written(tmp_path, f'directory = "{work}"')
    with pytest.raises(ConfigError, match=r"others may reach as 0\.0\.0\.0"):
        load({"HOST": "0.0.0.0"}, tmp_path, file=path)


def test_the_token_must_be_there_and_strong(tmp_path: Path, work: Path) -> None:
    loaded = load({}, tmp_path, file=written(tmp_path, f'directory = "{work}"'))
    with pytest.raises(ConfigError, match=r"mine\.toml:2: T is not set"):
        check_exposure(loaded, {})
    with pytest.raises(ConfigError, match=r"mine\.toml:2: provider worker is an agent .* easily guessed\. Take what"):
        check_exposure(loaded, {"T": "sesame"})
    assert check_exposure(loaded, {"T": STRONG}) == STRONG


@pytest.mark.parametrize(
    ("agent", "start"),
    [
        ("", "5: 'directory' is missing"),
        ('directory = "work"', "6: directory must be an absolute path, got 'work'"),
        ('directory = "/nowhere/at/all"', "6: /nowhere/at/all is no directory"),
        ('directory = "/"', "6: / holds all that is yours"),
        ('directory = "~"', "6: "),
        ('directory = "WORK"\npermission_mode = "bypassPermissions"', "7: bypassPermissions would leave the directory; name what"),
        ('directory = "WORK"\npermission_mode = "acceptEdit"', "7: unknown permission mode 'acceptEdit', did you mean 'acceptEdits'?"),
        ('directory = "WORK"\npermission_mode = "plan"', "7: unknown permission mode 'plan'"),
        ('directory = "WORK"\nallowed_tools = ["--x"]', "7: '--x' is no rule"),
        ('directory = "WORK"\nallowed_tools = ["Bahs(ls)"]', "7: 'Bahs(ls)' is no rule such as \"Bash(git diff *)\", did you mean 'Bash'?"),
        ('directory = "WORK"\nallowed_tools = ["mcp__x"]', "7: 'mcp__x' is no rule"),
        ('directory = "WORK"\ncwd = "/"', "7: unknown key 'cwd'"),
    ],
)
def test_its_scope_must_make_sense(tmp_path: Path, work: Path, agent: str, start: str) -> None:
    assert refusal(tmp_path, agent.replace("WORK", str(work))).startswith(start)


def test_a_link_to_the_home_folder_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "link").symlink_to(home)
    assert "holds all that is yours" in refusal(tmp_path, f'directory = "{tmp_path / "link"}"')
    assert load({}, tmp_path, file=written(tmp_path, 'directory = "~/project"')).settings.providers["worker"].agent is not None


def test_other_backends_have_none(tmp_path: Path, work: Path) -> None:
    assert refusal(tmp_path, f'directory = "{work}"', preset="echo").startswith("5: agent means nothing to the preset 'echo'")


def test_a_project_cannot_set_it(tmp_path: Path, work: Path) -> None:
    written(tmp_path, f'directory = "{work}"').rename(tmp_path / "ccproxy.toml")
    with pytest.raises(ConfigError) as caught:
        load({}, tmp_path)
    assert "a file found in the current folder may not set agent like this. Name it: --config" in str(caught.value)
