"""What a call's path and the outline of its body say: enough to route a request that is passed on as it is.

The model and whether to stream stand in the path, `/models/{model}:streamGenerateContent`, not in the body.
"""

import re

import msgspec
from attrs import evolve, frozen

from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSONError, dumps, join_members, split_members

GENERATE, STREAM, COUNT = "generateContent", "streamGenerateContent", "countTokens"

_PATH = re.compile(r"/(?P<model>.+):(?P<action>[a-zA-Z]+)")
_MODEL = re.compile(r"[\w@][\w.@:+-]*(/[\w@][\w.@:+-]*)*", re.ASCII)
"""A model's name ends up in the path of a request that carries our key, so it may not lead anywhere else."""
_decode_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode
_RESOURCES = ("models/", "tunedModels/", "publishers/", "projects/", "endpoints/")


@frozen
class PathEnvelope(Envelope):
    """An envelope whose model stands in the path."""

    def for_model(self, call: HTTPCall, model: str) -> HTTPCall:
        """See `Envelope.for_model`."""
        path = path_of(model, split_path(call.path)[1])
        if "model" not in self.members and "requests" not in self.members:
            return evolve(call, path=path)
        # Texts to embed name the model in the body, too, and are refused if it is not the path's.
        name = dumps(path.rpartition(":")[0].removeprefix("/"))
        members = {**self.members, **({"model": name} if "model" in self.members else {})}
        if "requests" in members:
            members["requests"] = b"[" + b",".join(_asking(text, name) for text in _texts(members["requests"])) + b"]"
        return evolve(call, path=path, body=join_members(members))


def _texts(requests: bytes) -> list[msgspec.Raw]:
    try:
        return _decode_texts(requests)
    except msgspec.MsgspecError as error:
        raise BadRequest("requests: expected a list", "requests") from error


def _asking(request: msgspec.Raw, name: bytes) -> bytes:
    try:
        return join_members({**split_members(bytes(request)), "model": name})
    except JSONError as error:
        raise BadRequest(f"requests: expected objects: {error}", "requests") from error


def peek(call: HTTPCall) -> Envelope:
    """The envelope of a request.

    Raises:
        BadRequest: not JSON, or not of the shape every request has.
    """
    model, action = split_path(call.path)
    try:
        members = split_members(call.body)
    except JSONError as error:
        raise BadRequest(f"the request body is not a valid JSON object: {error}") from error
    contents = members.get("contents")
    if contents is None and action in (GENERATE, STREAM):
        raise BadRequest("contents: Field required", "contents")
    if contents is not None and contents[:1] not in (b"[", b"{"):
        raise BadRequest("contents: expected a list", "contents")
    streams = action == STREAM
    return PathEnvelope(model, streams, members, relayable=not (streams and wants_array(call)))


def split_path(path: str) -> tuple[str, str]:
    """The model and the action that a path names.

    Raises:
        BadRequest: it names none.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise BadRequest(f"there is nothing at {path[:200]!r}", kind=ErrorKind.NOT_FOUND)
    return check_model(found["model"].removeprefix("models/")), found["action"]


def check_model(model: str) -> str:
    """`model`, which must be fit to stand in a path. Raises `BadRequest`."""
    if not _MODEL.fullmatch(model):
        raise BadRequest(f"models/{model[:100]} is not a model's name", "model", ErrorKind.NOT_FOUND)
    return model


def path_of(model: str, action: str) -> str:
    """The path for an action of a model. Raises `BadRequest`."""
    resource = check_model(model) if model.startswith(_RESOURCES) else f"models/{check_model(model)}"
    return f"/{resource}:{action}"


def wants_array(call: HTTPCall) -> bool:
    """Whether a streamed answer is to be a JSON array: the vendor's way without `alt=sse`."""
    return "alt=sse" not in call.query.split("&")
