"""Where a provider's key comes from and how it is shown to the provider. Keys are never part of a repr, a URL or an argument list."""

import asyncio
import enum
import os
import shlex
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias, assert_never

from attrs import field, frozen

from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError

_COMMAND_LIMIT = 30.0
"""Seconds a key command may take: password managers ask the user to unlock."""
_COMMAND_LIFETIME = 300.0
"""Seconds its answer is used again: commands that mint short-lived tokens give them at least this long."""


class AuthStyle(enum.Enum):
    """The header in which a vendor expects the key, and what stands before it."""

    NONE = ("", "")
    BEARER = ("authorization", "Bearer ")
    X_API_KEY = ("x-api-key", "")
    X_GOOG_API_KEY = ("x-goog-api-key", "")

    def header(self, key: str) -> tuple[str, str]:
        """Name and value."""
        name, prefix = self.value
        return name, prefix + key


@frozen
class NoKey:
    """The provider wants none, such as a local model server."""


@frozen
class LiteralKey:
    """Written in the configuration itself."""

    key: str = field(repr=False)


@frozen
class EnvironmentKey:
    """The first of these variables that is set."""

    names: tuple[str, ...]
    optional: bool = False
    """The provider works without a key, too."""


@frozen
class CommandKey:
    """The first line that a program prints."""

    argv: tuple[str, ...]


@frozen
class CallerKey:
    """Whatever key the caller sent."""


KeySource: TypeAlias = NoKey | LiteralKey | EnvironmentKey | CommandKey | CallerKey


def parse_key_source(text: str | None, default_variables: tuple[str, ...] = (), *, optional: bool = False) -> KeySource:
    """Read `api_key` of the configuration; None falls back to the preset's own variables.

    Args:
        optional: the provider works without a key; what the user writes is meant all the same.

    Raises:
        ValueError: the reference names nothing.
    """
    if text is None:
        return EnvironmentKey(default_variables, optional) if default_variables else NoKey()
    if text == "client":
        return CallerKey()
    kind, colon, rest = text.partition(":")
    if colon and kind in ("env", "command"):
        words = (rest.strip(),) if kind == "env" else tuple(shlex.split(rest))
        if not any(words):
            raise ValueError(f"`{kind}:` must be followed by a {'variable name' if kind == 'env' else 'command'}")
        return EnvironmentKey(words) if kind == "env" else CommandKey(words)
    return LiteralKey(text) if text else NoKey()


class Credentials:
    """One provider's key, fetched when it is first needed."""

    def __init__(
        self, source: KeySource, style: AuthStyle, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.source = source
        self.style = style
        self._environ = environ
        self._clock = clock
        self._minted: tuple[str, float] | None = None

    async def key(self, client_key: str | None) -> str | None:
        """The key to send, None if the provider wants none.

        Raises:
            UpstreamError: there should be one, and there is not; says how to give it.
        """
        match self.source:
            case NoKey():
                return None
            case LiteralKey(key):
                return key
            case EnvironmentKey(names, optional):
                found = next((self._environ[name] for name in names if self._environ.get(name)), None)
                return found if found or optional else _missing(f"set the environment variable {' or '.join(names)}")
            case CallerKey():
                return client_key or _missing("this provider is called with the caller's own key, and the request carries none")
            case CommandKey(argv):
                return await self._run(argv)
            case _:
                assert_never(self.source)

    @property
    def present(self) -> bool:
        """Whether there is a key to send, as far as can be told without running anything."""
        match self.source:
            case EnvironmentKey(names, optional):
                return optional or any(self._environ.get(name) for name in names)
            case _:
                return True

    def forget(self) -> None:
        """The provider refused the key: ask the command again next time."""
        self._minted = None

    async def _run(self, argv: tuple[str, ...]) -> str:
        if self._minted is not None and self._clock() - self._minted[1] < _COMMAND_LIFETIME:
            return self._minted[0]
        try:
            process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        except OSError as error:
            raise _problem(f"the key command `{argv[0]}` cannot be run: {error.strerror}") from error
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _COMMAND_LIMIT)
        except TimeoutError as error:
            raise _problem(f"the key command `{argv[0]}` took more than {_COMMAND_LIMIT:.0f} seconds") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        key = output.decode("ascii", "replace").partition("\n")[0].strip()
        if process.returncode or not key:
            raise _problem(f"the key command `{argv[0]}` failed with exit code {process.returncode}")
        self._minted = (key, self._clock())
        return key


def _problem(message: str) -> UpstreamError:
    return UpstreamError(APIError(ErrorKind.AUTHENTICATION, message, should_retry=False))


def _missing(how: str) -> str:
    raise _problem(f"no API key for this provider: {how}")
