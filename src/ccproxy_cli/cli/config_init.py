"""`config init`: a first configuration file, of what this machine has and what only its user can say."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen

from ccproxy_cli.cli.gather import gather
from ccproxy_cli.cli.result import USAGE, Failure, Result
from ccproxy_cli.config import files
from ccproxy_cli.config.detect import ECHO
from ccproxy_cli.config.load import Loaded, load
from ccproxy_cli.config.origin import Kind, Origin, Value
from ccproxy_cli.config.origin import Path as Key
from ccproxy_cli.config.settings import ServerSettings
from ccproxy_cli.config.writing import to_toml, write_private

_REMARKS = (
    "`ccproxy config show` tells where each setting comes from,",
    "`ccproxy config explain MODEL` where a model leads.",
)
_MORE = """
# Where the models that clients ask for lead; the first match wins, a list is tried in its order.
# [models]
# "claude-*haiku*" = "up/gpt-4o-mini"
# "claude-*" = ["claude/sonnet", "up/gpt-4o"]

# Requests can also be led by what is in them.
# [[rules]]
# to = "up/gpt-4o"
# images = true
"""
_COMMENT = Origin(Kind.DEFAULT)


class Asking(Protocol):
    """How the user is asked."""

    def confirm(self, question: str, *, default: bool) -> bool: ...
    def text(self, question: str, default: str) -> str: ...
    def say(self, line: str) -> None: ...


@frozen
class Options:
    """What the command line says."""

    output: str | None = None
    force: bool = False
    yes: bool = False


@define
class _Draft:
    values: dict[Key, Value] = field(factory=dict)

    def set(self, path: Key, value: object) -> None:
        self.values[path] = Value(value, _COMMENT)

    def add_provider(self, name: str, preset: str, **more: str | None) -> None:
        self.set(("providers", name, "preset"), preset)
        for key, value in more.items():
            if value:
                self.set(("providers", name, key), value)

    @property
    def providers(self) -> list[str]:
        return [path[1] for path in self.values if path[0] == "providers" and path[2:] == ("preset",)]


def run(options: Options) -> Result:
    """Ask, and write the file."""
    path = Path(options.output).expanduser() if options.output else files.user_folder(os.environ) / "config.toml"
    if not options.yes and not sys.stdin.isatty():
        failure = Failure("not_a_terminal", "there is nobody to ask", "Use --yes to take what is found on this machine.")
        return Result("config init", errors=(failure,), code=USAGE)
    if path.exists() and not options.force:
        return Result("config init", errors=(Failure("exists", f"{path} is there already", "Use --force to write over it, or edit it."),))
    found = _detected()
    draft = _Draft()
    asking: Asking = _Silence() if options.yes else _Terminal()
    _settle(found, draft, asking)
    write_private(path, to_toml(draft.values, _REMARKS) + _MORE, over=options.force)
    from ccproxy_cli.backends.presets import PRESETS

    load(os.environ, path.parent, file=path, presets=PRESETS)
    data = {"path": str(path), "providers": draft.providers}
    return Result("config init", data, (f"wrote {path}", "Try it with: ccproxy test", "Serve it with: ccproxy serve"))


def _detected() -> Loaded:
    """What there is without any file."""
    nowhere = Path(os.devnull)
    return gather(str(nowhere))


def _settle(found: Loaded, draft: _Draft, asking: Asking) -> None:
    names = [name for name in found.settings.providers if name != ECHO]
    asking.say("Found on this machine:" if names else "Found no login, key or local server on this machine.")
    for name in names:
        provider = found.settings.providers[name]
        if asking.confirm(f"  {name} ({found.origin('providers', name, 'preset').detail})", default=True):
            draft.add_provider(name, provider.preset, base_url=provider.base_url, api_key=_reference(provider.api_key))
    for preset, name, url, key in _others(asking, draft):
        draft.add_provider(name, preset, base_url=url, api_key=key)
    if names and not draft.providers:
        draft.add_provider(ECHO, ECHO)  # without any provider in the file, those that were declined would be found again
    default = _suggested(draft)
    if default and (model := asking.text("Model when none is named", default)):
        draft.set(("default_model",), model)
    port = asking.text("Port of the server", str(ServerSettings().port))
    if port.isdigit() and int(port) != ServerSettings().port:
        draft.set(("server", "port"), int(port))


def _reference(key: object) -> str | None:
    """A key's reference; a literal that was found in a file is not copied into another."""
    keys = key if isinstance(key, tuple) else (key,)
    return next((item for item in keys if isinstance(item, str) and item.startswith(("env:", "command:", "keyring:"))), None)


def _others(asking: Asking, draft: _Draft) -> Iterator[tuple[str, str, str, str]]:
    """Providers that only the user knows of: preset, name, address and key of each."""
    from ccproxy_cli.backends.presets import PRESETS

    known = [name for name in PRESETS if name != ECHO]
    while preset := asking.text(f"Another provider ({', '.join(known)}; Enter for none)", ""):
        if preset not in known:
            asking.say(f"  There is no preset {preset!r}.")
            continue
        row = PRESETS[preset]
        name = asking.text("  Its name here", preset)
        url = asking.text("  Its address", row.base_url or "") if row.format else ""
        key = asking.text(
            "  Its key: env:NAME, command:PROGRAM, or the key itself", f"env:{row.key_variables[0]}" if row.key_variables else ""
        )
        yield preset, name, "" if url == row.base_url else url, "" if key == f"env:{next(iter(row.key_variables), '')}" else key


def _suggested(draft: _Draft) -> str:
    from ccproxy_cli.backends.presets import PRESETS

    for name in draft.providers:
        for model in PRESETS[draft.values["providers", name, "preset"].value].default_models:
            return f"{name}/{model}"
    return ""


class _Silence:
    """Takes every default."""

    def confirm(self, question: str, *, default: bool) -> bool:
        return default

    def text(self, question: str, default: str) -> str:
        return default

    def say(self, line: str) -> None:
        pass


class _Terminal:
    """Asks whoever sits there."""

    def confirm(self, question: str, *, default: bool) -> bool:
        import typer

        return typer.confirm(question, default=default)

    def text(self, question: str, default: str) -> str:
        import typer

        answer: str = typer.prompt(question, default=default, show_default=bool(default))
        return answer.strip()

    def say(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
