"""Prompt templates: a file that holds the words of a question that is asked again and again, and places for the rest.

A text file is the prompt. A YAML or TOML file may also name the system prompt, the model, a schema, a limit and defaults for its places.
"""

import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cattrs
from attrs import field, fields, frozen

from ccproxy_cli.cli.asking import usage_error

INPUT = "input"
"""The place for what the user asks and pipes in."""
_OPTION = "--template"


@frozen
class Template:
    """A template as its file has it."""

    prompt: str = ""
    system: str = ""
    model: str | None = None
    schema: str | None = None
    max_tokens: int | None = None
    defaults: Mapping[str, str] = field(factory=dict)

    def filled(self, text: str, given: Mapping[str, str]) -> "Template":
        """The template with every place filled.

        Args:
            text: what the user asks and pipes in. Without a place of its own it comes after the prompt.
            given: values of the other places.

        Raises:
            ConfigError: a place has no value, or a value no place.
        """
        words = (string.Template(self.prompt), string.Template(self.system))
        places = {name for template in words for name in template.get_identifiers()}
        values = {**self.defaults, **given}
        if spare := sorted(given.keys() - places):
            raise usage_error(f"the template has no place ${spare[0]}", "--param")
        if missing := sorted(places - values.keys() - {INPUT}):
            raise usage_error(f"the template wants a value for ${missing[0]}: --param {missing[0]}=...", "--param")
        try:
            prompt, system = (template.substitute({**values, INPUT: text}) for template in words)
        except ValueError as error:
            raise usage_error(f"the template holds a $ that begins no name; write $$ for a plain one ({error})", _OPTION) from error
        if INPUT not in places and text:
            prompt = f"{prompt.rstrip()}\n\n{text}" if prompt.strip() else text
        return Template(prompt, system, self.model, self.schema, self.max_tokens)


def read_template(path: Path) -> Template:
    """Read a template file.

    Raises:
        ConfigError: it cannot be read, or says what no template can.
    """
    try:
        text = path.expanduser().read_text("utf-8")
    except OSError as error:
        raise usage_error(f"{path}: {error.strerror}", _OPTION) from error
    except UnicodeDecodeError as error:
        raise usage_error(f"{path} is not UTF-8 text", _OPTION) from error
    match path.suffix.lower():
        case ".yaml" | ".yml":
            return _structured(_yaml(text, path), path)
        case ".toml":
            return _structured(_toml(text, path), path)
        case _:
            return Template(prompt=text.rstrip("\n"))


def read_params(pairs: tuple[str, ...]) -> dict[str, str]:
    """The values of `NAME=VALUE` options. Raises `ConfigError`."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise usage_error(f"{pair!r} is not of the form NAME=VALUE", "--param")
        values[name] = value
    return values


def _yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise usage_error(f"{path} is not YAML: {getattr(error, 'problem', None) or 'it cannot be parsed'}", _OPTION) from error


def _toml(text: str, path: Path) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise usage_error(f"{path} is not TOML: {error}", _OPTION) from error


def _structured(tree: Any, path: Path) -> Template:
    if isinstance(tree, str):
        return Template(prompt=tree)
    known = [field.name for field in fields(Template)]
    if not isinstance(tree, dict) or not tree.keys() <= {*known}:
        unknown = sorted(tree.keys() - {*known}) if isinstance(tree, dict) else ["its top"]
        raise usage_error(f"{path}: {unknown[0]} is nothing a template has; it has {', '.join(known)}", _OPTION)
    try:
        return cattrs.Converter(detailed_validation=False).structure(tree, Template)
    except (ValueError, TypeError, AttributeError) as error:
        raise usage_error(f"{path}: {error}", _OPTION) from error
