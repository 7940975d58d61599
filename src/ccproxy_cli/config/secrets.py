"""Rules about secrets in the configuration: where a key may lie, and what makes a token good enough to be seen by a network."""

import ipaddress
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


_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


def is_secret(path: Sequence[str]) -> bool:
    """Whether what stands at this path of the configuration is a secret."""
    if path[-1] in ("api_key", "token"):
        return True
    return "environment" in path[:-1] and any(word in path[-1].upper() for word in _SECRET_WORDS)


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


def reveal(reference: str, environ: Mapping[str, str]) -> str | None:
    """The token that a literal or `env:NAME` stands for; None if the variable is not set or empty."""
    if reference.startswith("env:"):
        return environ.get(reference.removeprefix("env:")) or None
    return reference
