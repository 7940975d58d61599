"""The wire formats, by name."""

import importlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ccproxy_cli.core.formats._format import Envelope, Format, StreamDecoder, StreamEncoder
from ccproxy_cli.core.formats._keeping import Keeping, Kept
from ccproxy_cli.core.formats._outline import Outline
from ccproxy_cli.core.formats._sameness import Sense

_MODULES: Mapping[str, str] = MappingProxyType(
    {"anthropic": "anthropic", "openai-chat": "openai_chat", "openai-responses": "openai_responses", "gemini": "gemini"}
)


class _Formats(Mapping[str, Format]):
    """Loads a format when it is first spoken: the codecs are most of what this package takes to import, and most commands speak none."""

    def __getitem__(self, name: str) -> Format:
        found: Format = importlib.import_module(f"{__name__}.{_MODULES[name]}").FORMAT
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


FORMATS: Mapping[str, Format] = _Formats()

__all__ = ["FORMATS", "Envelope", "Format", "Keeping", "Kept", "Outline", "Sense", "StreamDecoder", "StreamEncoder"]
