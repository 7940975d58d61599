"""Whose fault a malformed message is: the client's that sent a request, or the upstream's that sent an answer."""

from typing import TypeAlias

from ccproxy_cli.core.errors import BadRequest, BadUpstream
from ccproxy_cli.core.jsontext import JSON, JSONError, loads

Blame: TypeAlias = type[BadRequest] | type[BadUpstream]


def blamed(blame: Blame, path: str, why: str) -> BadRequest | BadUpstream:
    """The exception for what stands at `path` and is not as it must be."""
    if blame is BadRequest:
        return BadRequest(f"{path}: {why}", path)
    return BadUpstream(f"upstream sent a malformed answer at {path}: {why}")


def parse(body: bytes, blame: Blame) -> JSON:
    """The JSON of a whole body.

    Raises:
        BadRequest or BadUpstream, as `blame` says: it is none.
    """
    try:
        return loads(body)
    except JSONError as error:
        if blame is BadRequest:
            raise BadRequest(f"the request body is not valid JSON: {error}") from error
        raise BadUpstream(f"upstream sent an answer that is not valid JSON: {error}") from error
