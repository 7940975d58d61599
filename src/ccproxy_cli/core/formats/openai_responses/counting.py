"""Token counts."""

from ccproxy_cli.core.catalog import TokenCount
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.jsontext import dumps

_COUNT = "response.input_tokens"


def decode_count(body: bytes) -> TokenCount:
    """An answer of the token counter.

    Raises:
        BadUpstream: it is none.
    """
    match value := parse(body, BadUpstream):
        case {"input_tokens": int() as count} if type(count) is int and count >= 0:
            return TokenCount(count, extras=spelling.ours({n: v for n, v in value.items() if n not in ("object", "input_tokens")}))
        case _:
            raise BadUpstream("upstream's token count holds no input_tokens")


def encode_count(count: TokenCount) -> bytes:
    return dumps({"object": _COUNT, "input_tokens": count.input_tokens, **spelling.own_members(count.extras)})
