"""Clients with tokens of their own: what of them is refused before a server starts."""

from pathlib import Path

import pytest

from ccproxy_cli.config.load import Loaded, check_exposure, load, reveal_clients
from ccproxy_cli.config.origin import ConfigError

STRONG = "2f9c4be07d1a4f6e8b3c5d7e"
OTHER = "91be07d1a4f6e8b3c5d7e2f9c"


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "mine.toml"
    path.write_text(text)
    path.chmod(0o600)
    return load({}, folder, file=path)


def test_tokens_are_read_from_where_they_are_and_never_shown(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f'[clients.ann]\ntoken = "env:ANN"\nlimits.concurrency = 2\n[clients.bob]\ntoken = "{OTHER}"')
    clients = reveal_clients(settings, {"ANN": STRONG})
    assert {name: client.token for name, client in clients.items()} == {"ann": STRONG, "bob": OTHER}
    assert clients["ann"].limits.concurrency == 2
    assert STRONG not in repr(clients)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[clients.ann]\ntoken = "env:GONE"', r"mine\.toml:2: GONE is not set, and clients\.ann\.token is to be read from it"),
        (
            '[clients.ann]\ntoken = "env:A"\n[clients.bob]\ntoken = "env:B"',
            r"mine\.toml:4: clients\.bob\.token is also the token of client ann",
        ),
        ('[server]\ntoken = "env:A"\n[clients.bob]\ntoken = "env:B"', r"mine\.toml:4: clients\.bob\.token is also the token of the server"),
        (
            '[server]\nhost = "0.0.0.0"\n[clients.ann]\ntoken = "env:W"',
            r"mine\.toml:4: 0\.0\.0\.0 can be reached .* clients\.ann\.token is too short",
        ),
        (
            f'[server]\nhost = "0.0.0.0"\ntoken = "{OTHER}"\n[clients.ann]\ntoken = "env:W"',
            r"mine\.toml:5: 0\.0\.0\.0 can be reached .* clients\.ann\.token is too short",
        ),
    ],
)
def test_nobody_comes_in_by_a_token_that_is_not_there_or_weak_or_anothers(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        check_exposure(loaded(tmp_path, text), {"A": STRONG, "B": STRONG, "W": "sesame"})
    assert STRONG not in str(caught.value)


def test_clients_tokens_are_enough_to_be_reached_by_others(tmp_path: Path) -> None:
    assert check_exposure(loaded(tmp_path, '[server]\nhost = "0.0.0.0"\n[clients.ann]\ntoken = "env:A"'), {"A": STRONG}) is None
