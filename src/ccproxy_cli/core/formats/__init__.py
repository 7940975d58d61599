"""The wire formats, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from ccproxy_cli.core.formats import anthropic, openai_chat
from ccproxy_cli.core.formats._format import Envelope, Format, StreamDecoder, StreamEncoder

FORMATS: Mapping[str, Format] = MappingProxyType({f.name: f for f in (anthropic.FORMAT, openai_chat.FORMAT)})

__all__ = ["FORMATS", "Envelope", "Format", "StreamDecoder", "StreamEncoder"]
