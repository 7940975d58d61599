"""What is read of the user's Claude Code settings, and what is not."""

from pathlib import Path

import pytest

from ccproxy_cli.backends.claude_code.user_settings import Override, find_override


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            '{"env": {"ANTHROPIC_BASE_URL": "http://x", "CLAUDE_CODE_USE_VERTEX": "1", "FOO": "1"}}',
            ("ANTHROPIC_BASE_URL", "CLAUDE_CODE_USE_VERTEX"),
        ),
        ('{"env": {"FOO": "1"}}', None),
        ('{"env": []}', None),
        ("[]", None),
        ("{", None),
    ],
)
def test_only_names_that_lead_elsewhere_count(tmp_path: Path, text: str, names: tuple[str, ...] | None) -> None:
    (tmp_path / ".claude").mkdir()
    path = tmp_path / ".claude" / "settings.json"
    path.write_text(text)
    assert find_override({}, tmp_path) == (Override(path, names) if names else None)


def test_no_file_is_no_override_and_the_cli_says_where_it_lies(tmp_path: Path) -> None:
    assert find_override({}, tmp_path) is None
    (tmp_path / "settings.json").write_text('{"env": {"ANTHROPIC_API_KEY": "k"}}')
    override = find_override({"CLAUDE_CONFIG_DIR": str(tmp_path)}, tmp_path)
    assert override == Override(tmp_path / "settings.json", ("ANTHROPIC_API_KEY",))
    assert "'k'" not in repr(override)
