"""Where a provider's keys come from and how they are shown to the provider. Keys are never part of a repr, a URL or an argument list."""

import asyncio
import enum
import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TypeAlias, assert_never

from attrs import field, frozen

from ccproxy_cli.config.secrets import CLIENT, reference_fault
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError

_COMMAND_LIMIT = 30.0
"""Seconds a key command may take: password managers ask the user to unlock."""
_LIFETIME = 300.0
"""Seconds what a command or a keyring answered is used again: commands that mint short-lived tokens give them at least this long."""
_RESTS: Mapping[ErrorKind, float] = {
    ErrorKind.RATE_LIMIT: 30.0,
    ErrorKind.QUOTA: 300.0,
    ErrorKind.BILLING: 300.0,
    ErrorKind.AUTHENTICATION: 300.0,
}
"""What is said about a key and not about the request, and the seconds for which that key is left alone where the vendor names none."""
_LONGEST_REST = 3600.0
"""Seconds; a vendor that says tomorrow is asked again before."""


class AuthStyle(enum.Enum):
    """The header in which a vendor expects the key, and what stands before it."""

    NONE = ("", "")
    BEARER = ("authorization", "Bearer ")
    X_API_KEY = ("x-api-key", "")
    API_KEY = ("api-key", "")
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
class KeyringKey:
    """What the desktop's keyring holds under a service and a name."""

    service: str
    name: str


@frozen
class CallerKey:
    """Whatever key the caller sent."""


KeySource: TypeAlias = NoKey | LiteralKey | EnvironmentKey | CommandKey | KeyringKey | CallerKey


def parse_key_source(text: str) -> KeySource:
    """Read a key, or a reference to one, as it stands in the configuration.

    Raises:
        ValueError: the reference names nothing.
    """
    if text == CLIENT:
        return CallerKey()
    if fault := reference_fault(text):
        raise ValueError(fault)
    kind, colon, rest = text.partition(":")
    match kind, colon:
        case "env", ":":
            return EnvironmentKey((rest.strip(),))
        case "command", ":":
            return CommandKey(tuple(shlex.split(rest)))
        case "keyring", ":":
            service, _, name = rest.strip().partition("/")
            return KeyringKey(service, name)
        case _:
            return LiteralKey(text) if text else NoKey()


class Secret:
    """One key, fetched when it is first needed."""

    def __init__(self, source: KeySource, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self.source = source
        self.rests_until = 0.0
        """Moment of the clock before which the provider does not want to see it."""
        self._environ = environ
        self._clock = clock
        self._fetched: tuple[str, float] | None = None

    async def value(self, client_key: str | None = None) -> str | None:
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
                return self._kept() or self._keep(await _run(argv))
            case KeyringKey(service, name):
                return self._kept() or self._keep(await asyncio.to_thread(_look_up, service, name))
            case _:
                assert_never(self.source)

    @property
    def present(self) -> bool:
        """Whether there is a key to send, as far as can be told without running anything."""
        match self.source:
            case EnvironmentKey(names, optional):
                return optional or any(self._environ.get(name) for name in names)
            case KeyringKey():
                return find_spec("keyring") is not None
            case _:
                return True

    def forget(self) -> None:
        """The provider refused the key: fetch it anew next time."""
        self._fetched = None

    def _kept(self) -> str | None:
        fetched = self._fetched
        return fetched[0] if fetched is not None and self._clock() - fetched[1] < _LIFETIME else None

    def _keep(self, key: str) -> str:
        self._fetched = (key, self._clock())
        return key


class Credentials:
    """One provider's keys. Of several each takes its turn, and one that was refused or limited rests."""

    def __init__(
        self,
        sources: KeySource | Sequence[KeySource],
        style: AuthStyle,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        several = sources if isinstance(sources, Sequence) else (sources,)
        self.style = style
        self.secrets = tuple(Secret(source, environ, clock) for source in several)
        self._clock = clock
        self._next = 0

    async def key(self, client_key: str | None = None) -> tuple[Secret, str | None]:
        """The secret whose turn it is, and the key to send, None if the provider wants none. Where all rest it is the one that has rested
        longest: then the vendor's own answer is the truth.

        Raises:
            UpstreamError: there should be a key, and there is none; says how to give it.
        """
        if len(self.secrets) == 1:
            return self.secrets[0], await self.secrets[0].value(client_key)
        refused: UpstreamError | None = None
        for secret in self._in_turn():
            try:
                return secret, await secret.value(client_key)
            except UpstreamError as error:
                refused = refused or error
        assert refused is not None
        raise refused

    def _in_turn(self) -> list[Secret]:
        start = self._next
        self._next = (start + 1) % len(self.secrets)
        now = self._clock()
        rotated = self.secrets[start:] + self.secrets[:start]
        return sorted(rotated, key=lambda secret: max(secret.rests_until - now, 0.0))

    def refused(self, secret: Secret, error: APIError) -> bool:
        """What the provider said to a key: the key rests if it is to blame. Tells whether another one is worth a try at once."""
        if error.kind is ErrorKind.AUTHENTICATION:
            secret.forget()
        rest = _RESTS.get(error.kind)
        if rest is None:
            return False
        now = self._clock()
        secret.rests_until = now + (rest if error.retry_after is None else _seconds(error.retry_after, rest))
        return any(other.present and other.rests_until <= now for other in self.secrets)

    @property
    def present(self) -> bool:
        """Whether there is a key to send, as far as can be told without running anything."""
        return any(secret.present for secret in self.secrets)


def _seconds(retry_after: str, usual: float) -> float:
    """A wait as vendors write it; dates, which none of them was seen to send with a 429, count as the usual one."""
    try:
        said = float(retry_after)
    except ValueError:
        return usual
    return min(said, _LONGEST_REST) if said >= 0 else usual


async def _run(argv: Sequence[str]) -> str:
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
    return key


def _look_up(service: str, name: str) -> str:
    """Runs in a thread: the keyring may ask the user to unlock it."""
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise _problem("keys in a keyring need the extra `keyring`: pipx inject ccproxy-cli keyring") from error
    try:
        key = keyring.get_password(service, name)
    except keyring.errors.NoKeyringError as error:
        raise _problem("there is no keyring on this machine that can be asked; use env:NAME or command:PROGRAM ARGS") from error
    except keyring.errors.KeyringError as error:
        raise _problem(f"the keyring does not give {service}/{name}: {type(error).__name__}") from error
    return key or _missing(f"put it into the keyring: keyring set {shlex.join((service, name))}")


def _problem(message: str) -> UpstreamError:
    return UpstreamError(APIError(ErrorKind.AUTHENTICATION, message, should_retry=False))


def _missing(how: str) -> str:
    raise _problem(f"no API key for this provider: {how}")
