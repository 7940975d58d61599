"""Rules about secrets in the configuration: where a key may lie, and what makes a token good enough to be seen by a network."""

import ipaddress
import re
from collections.abc import Mapping, Sequence

REFERENCES = ("env:", "command:", "keyring:")
CLIENT = "client"
"""In place of a key: pass the caller's through."""

PLACEHOLDER = "ccproxy"
"""The key that programs are told to send to a server that wants none: SDKs insist on having one. Never a provider's key."""

STRONG = 16
"""Characters. A shorter word is a placeholder for a server that wants none (`ollama`, `lm-studio`), or guessed in an afternoon."""

_SAMPLES = ("sk-1234", "changeme", "change-me", "your-", "example", "placeholder", "password", "secret-key", "test-key", "xxxxxxxx")
"""Words of sample keys: open servers that kept one are found and used by strangers."""


_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "AUTH", "COOKIE")

_NAMED_FREELY = frozenset({"environment", "headers", "query"})
"""Tables in which a secret is known by its name alone."""

STORE_URL = ("store", "url")
"""Of the configuration. A password may be in it."""
_WITH_PASSWORD = re.compile(r"(?P<before>\w+://[^:/@]*:)(?P<password>.+)(?P<after>@[^@]*)")

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
NEVER_SET = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "content-encoding"}
)
"""Headers that say where a request goes or how its bytes are cut: with these a key could reach somebody else behind the same address."""


def is_secret(path: Sequence[str]) -> bool:
    """Whether what stands at this path of the configuration is a secret."""
    if path[-1] in ("api_key", "token"):
        return True
    return not _NAMED_FREELY.isdisjoint(path[:-1]) and any(word in path[-1].upper() for word in _SECRET_WORDS)


def literals(path: Sequence[str], value: object) -> list[str]:
    """The secrets themselves in what stands at a path of the configuration, without references and placeholders."""
    if tuple(path) == STORE_URL:
        found = _WITH_PASSWORD.fullmatch(str(value))
        return [found["password"]] if found else []
    if not is_secret(path):
        return []
    values = value if isinstance(value, list | tuple) else [value]
    return [item for item in values if isinstance(item, str) and is_literal(item) and looks_real(item)]


def reference_fault(key: str) -> str | None:
    """What is wrong with a reference to a secret; None if it names something, or is none."""
    kind, colon, rest = key.partition(":")
    if not colon or f"{kind}:" not in REFERENCES:
        return None
    service, slash, name = rest.strip().partition("/")
    match kind:
        case "env" if not rest.strip():
            return "`env:` must be followed by a variable name"
        case "command" if not rest.strip():
            return "`command:` must be followed by a command"
        case "keyring" if not (service and slash and name):
            return "`keyring:` must be followed by SERVICE/NAME"
        case _:
            return None


def is_literal(key: str) -> bool:
    """Whether this is the secret itself and no reference to one."""
    return key != CLIENT and not key.startswith(REFERENCES)


def looks_real(key: str) -> bool:
    """Whether a literal is long enough to be worth hiding."""
    return len(key) >= STRONG


def is_weak(token: str) -> bool:
    """Whether a token is too short, too plain or too well known to stand alone between a network and a paid account."""
    lowered = token.lower()
    return len(token) < STRONG or len(set(token)) < 8 or any(word in lowered for word in _SAMPLES)


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own by definition."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def masked(secret: str) -> str:
    """How a secret is shown: references whole, secrets by their last four characters, short ones not at all."""
    if not is_literal(secret):
        return secret
    return f"****{secret[-4:]}" if looks_real(secret) else "****"


def without_password(url: str) -> str:
    """How an address is shown."""
    return _WITH_PASSWORD.sub(r"\g<before>****\g<after>", url)


def reveal(reference: str, environ: Mapping[str, str]) -> str | None:
    """The token that a literal or `env:NAME` stands for; None if the variable is not set or empty."""
    if reference.startswith("env:"):
        return environ.get(reference.removeprefix("env:")) or None
    return reference
