"""One redactor for everything that is shown or logged: error messages, error bodies, log lines.

Vendors repeat the key they refuse, and repeat it cut or whole, so exact secrets are not enough: a run of key characters that shares a
long piece with a known secret goes too, and so does anything that looks like a key of a vendor we know.
"""

import re
from collections.abc import Iterable

from attrs import evolve

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.jsontext import JSON

MASK = "[redacted]"

_PIECE = 12
"""Characters of a secret that betray it. Shorter pieces are prefixes such as `sk-proj-` that every key shares."""

_MOST = 2_000
"""Secrets that are known at a time."""

_TOKEN = re.compile(r"[A-Za-z0-9_\-]{12,}")
_LOOKS_SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_\-]{10,}"  # Anthropic, OpenAI and most who copy them
    r"|\bAIza[A-Za-z0-9_\-]{20,}"  # Google
    r"|(?<=[?&]key=)[^&\s\"']{8,}"  # Google again, in a URL
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user and password of a URL
    r"|(?i:(?<=bearer )[A-Za-z0-9_\-.~+/=]{8,})"
)


class Redactor:
    """Takes secrets out of texts and values. Cheap for texts without any; meant for error paths and logs, not for answers."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: dict[str, None] = {}
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str | None) -> None:
        """Never show `secret` again. Texts too short to be a key are ignored, or ordinary words would vanish. Of very many, as callers with
        keys of their own may bring, those that were not learned for the longest are forgotten: whoever sends a key has it learned first."""
        if secret and len(secret) >= 8:
            self._secrets.pop(secret, None)
            self._secrets[secret] = None
            if len(self._secrets) > _MOST:
                del self._secrets[next(iter(self._secrets))]

    def text(self, text: str) -> str:
        """`text` with every secret masked."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        text = _LOOKS_SECRET.sub(MASK, text)
        return _TOKEN.sub(self._piece, text) if self._secrets else text

    def _piece(self, match: re.Match[str]) -> str:
        token = match[0]
        pieces = (token[start : start + _PIECE] for start in range(len(token) - _PIECE + 1))
        return MASK if any(piece in secret for piece in pieces for secret in self._secrets) else token

    def value(self, value: JSON) -> JSON:
        """A copy of a JSON value with every string redacted, names included."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.text(name): self.value(item) for name, item in value.items()}
            case _:
                return value

    def error(self, error: APIError) -> APIError:
        """The error as it may be shown."""
        return evolve(
            error,
            message=self.text(error.message),
            param=None if error.param is None else self.text(error.param),
            code=None if error.code is None else self.text(error.code),
            type=None if error.type is None else self.text(error.type),
            raw=self.value(error.raw),
            details=self.value(error.details),
        )
