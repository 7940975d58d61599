"""Templates: every place is filled, or the mistake is named."""

from pathlib import Path

import pytest

from ccproxy_cli.cli.template import Template, read_params, read_template
from ccproxy_cli.config.origin import ConfigError
from tests.cli.conftest import Cli


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("prompt", "text", "expected"),
    [
        ("Sum up: $input", "a\nb", "Sum up: a\nb"),
        ("Sum up.", "words", "Sum up.\n\nwords"),
        ("", "words", "words"),
        ("Say ${word}s for $$5", "", "Say hellos for $5"),
    ],
)
def test_what_is_asked_has_its_place_or_comes_last(prompt: str, text: str, expected: str) -> None:
    assert Template(prompt, defaults={"word": "hello"}).filled(text, {}).prompt == expected


def test_values_come_before_defaults_and_reach_the_system_prompt() -> None:
    filled = Template("$a $b", system="Speak $lang to $a", defaults={"a": "1", "b": "2"}).filled("", {"a": "x", "lang": "Dutch"})
    assert (filled.prompt, filled.system) == ("x 2", "Speak Dutch to x")


@pytest.mark.parametrize(
    ("prompt", "given", "complaint"),
    [
        ("$who", {}, "wants a value for \\$who: --param who="),
        ("$who", {"who": "a", "whom": "b"}, "has no place \\$whom"),
        ("costs $5", {}, "write \\$\\$ for a plain one"),
    ],
)
def test_places_and_values_must_agree(prompt: str, given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Template(prompt).filled("", given)


WHOLE = Template("hi $name", "be kind", "echo", "name", 7, {"name": "you"})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("t.txt", "hi $name\n", Template("hi $name")),
        ("t.md", "# hi\n\n", Template("# hi")),
        ("t.yaml", "hi $name", Template("hi $name")),
        (
            "t.yml",
            "prompt: hi $name\nsystem: be kind\nmodel: echo\nschema: name\nmax_tokens: 7\ndefaults: {name: you}\n",
            WHOLE,
        ),
        (
            "t.toml",
            'prompt = "hi $name"\nsystem = "be kind"\nmodel = "echo"\nschema = "name"\nmax_tokens = 7\n[defaults]\nname = "you"\n',
            WHOLE,
        ),
    ],
)
def test_each_kind_of_file_is_read(name: str, text: str, expected: Template, tmp_path: Path) -> None:
    assert read_template(write(tmp_path, name, text)) == expected


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("t.yaml", "a: [", "is not YAML"),
        ("t.yaml", "promt: hi", "promt is nothing a template has"),
        ("t.yaml", "- a", "its top is nothing a template has"),
        ("t.yaml", "defaults: 3", "t.yaml: "),
        ("t.yaml", "max_tokens: many", "t.yaml: "),
        ("t.toml", "a", "is not TOML"),
    ],
)
def test_a_broken_file_is_named(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_template(write(tmp_path, name, text))


@pytest.mark.parametrize("pair", ["novalue", "=x", "a b=c"])
def test_values_are_pairs(pair: str) -> None:
    assert read_params(("a=1=2", "b=")) == {"a": "1=2", "b": ""}
    with pytest.raises(ConfigError, match="is not of the form NAME=VALUE"):
        read_params((pair,))


def test_a_template_is_asked_and_the_command_line_comes_first(cli: Cli) -> None:
    write(cli.folder, "t.yaml", "prompt: 'To $who: $input'\nmodel: nowhere/x\nmax_tokens: 1\n")
    ran = cli("ask", "-t", "t.yaml", "-p", "who=Ann", "-m", "echo", "--max-tokens", "100", "and you?", stdin=b"hello\n")
    assert (ran.code, ran.out) == (0, "To Ann: hello\n\nand you?\n")
    assert cli("ask", "-t", "t.yaml", "-p", "who=Ann", "hi").code == 1
    refused = cli("ask", "-m", "echo", "-p", "who=Ann", "hi")
    assert (refused.code, "there is no --template" in refused.err) == (2, True)
