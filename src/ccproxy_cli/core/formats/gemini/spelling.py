"""How a thing was spelled, where the wire has several spellings for what the vocabulary says in one way.

Notes ride in the extras beside the members we do not know, under names that begin with `NOTE`. What rides along of an inner object
rides with the outer one, under dotted names.
"""

from collections.abc import Mapping

from ccproxy_cli.core.extras import NO_EXTRAS, NOTE, VITAL, Extras
from ccproxy_cli.core.formats._wirekit import SPELLED, respell
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.jsontext import JSON

OWN = NOTE + "own"
"""The request, or the answer, came in this format."""
ARRAY = NOTE + "array"
"""The client wants its stream as a JSON array: it did not ask for `alt=sse`."""
WHOLE = NOTE + "whole"
"""The token counter was given a whole request, not the contents alone."""
TIER = NOTE + "tier"
"""The member that said the service tier, as the client wrote it."""
MODEL = NOTE + "model"
"""The model, where the body named it too."""
NO_TEXT = NOTE + "no text"
"""A part with nothing but its signature or its thought mark."""
THOUGHT = NOTE + "thought"
"""The value of `thought` where it changes nothing: false on text, anything on other parts."""
UNSIGNED = NOTE + "unsigned"
"""A signature that signs nothing: one of the words the vendor documents for calls that it did not make itself."""
NO_ID = NOTE + "no id"
"""The call or result had no id of its own; the one it has here was made by counting."""
OWN_ID = NOTE + "id"
"""The id a result had on the wire, where it was paired with its call in another way."""
NO_ARGS = NOTE + "no args"
NO_RESPONSE = NOTE + "no response"
KEY = NOTE + "key"
"""The only member of a function's response, whose value was the text."""
OBJECT = NOTE + "object"
"""The text is the whole response object as JSON."""
MIME = NOTE + "mime"
"""The media type said of a file that is not in the message."""
URL_SAFE = NOTE + "url safe"
"""The data was in the URL-safe alphabet."""
NO_ROLE = NOTE + "no role"
ROLE = NOTE + "role"
"""A role that means the user's, spelled in another way."""
ONE = NOTE + "one"
"""The only element stood there without a list around it."""
NO_PARTS = NOTE + "no parts"
SYSTEM = NOTE + "system"
"""What else the object around the system text held."""
LAYOUT = NOTE + "layout"
"""How the tools were grouped."""
SCHEMA = NOTE + "schema"
"""A schema in the vendor's older dialect, as the client wrote it."""
BOTH = NOTE + "both"
"""The schema was given in both dialects."""
NAMES = NOTE + "names"
"""The allowed functions, where they limit nothing."""
MODE = NOTE + "mode"
"""The calling mode as written; None if it was not."""
EMPTY = NOTE + "empty "
"""Before the name of an object that held nothing we model."""
NUMBERS = NOTE + "numbers"
"""Members whose whole numbers were written as fractions."""
NO_MIME = NOTE + "no mime"
LEVEL = NOTE + "level"
INCLUDE = NOTE + "include"
USAGE = NOTE + "usage"
"""The token counts as the vendor wrote them."""
CANDIDATE = NOTE + "candidate"
"""Members of the answer's first candidate."""
CONTENT = NOTE + "content"
"""Members of its content; None if it had no content."""
SHAPE = NOTE + "shape"
"""What the stream's chunks say around their parts: the candidate's index, the content's role."""
OTHERS = NOTE + "others"
"""Further candidates."""


VITAL_MEMBERS = ("cachedContent", "cached_content")
"""The front of the prompt, stored at the vendor: without it the question makes no sense."""
_VITAL_NAMES = {VITAL + name: name for name in VITAL_MEMBERS}


def members_of(extras: Extras) -> Mapping[str, JSON]:
    """Our members and notes among `extras`."""
    return extras.get(NAME, NO_EXTRAS)


def is_own(extras: Extras) -> bool:
    """Whether whatever carries these extras came in this format."""
    return OWN in members_of(extras)


def said(extras: Extras, name: str) -> bool:
    return name in members_of(extras)


def inner(prefix: str, members: Mapping[str, JSON]) -> dict[str, JSON]:
    """The members and notes of an inner object, under names that can stand among those of the outer."""
    return {f"{NOTE}{prefix}.{name}" if name.startswith(NOTE) else f"{prefix}.{name}": value for name, value in members.items()}


def inner_members(extras: Extras, prefix: str) -> dict[str, JSON]:
    """Undo `inner`."""
    plain, note = f"{prefix}.", f"{NOTE}{prefix}."
    found: dict[str, JSON] = {}
    for name, value in members_of(extras).items():
        if name.startswith(plain):
            found[name.removeprefix(plain)] = value
        elif name.startswith(note):
            found[name.removeprefix(note)] = value
    return found


def complete(value: dict[str, JSON], members: Mapping[str, JSON], *without: str) -> dict[str, JSON]:
    """`value` with the members that rode along, those of the objects `without` excepted, and in the spelling of its client."""
    if not members:
        return value
    prefixes = tuple(f"{name}." for name in without)
    for name, member in members.items():
        if not name.startswith(NOTE) and not (prefixes and name.startswith(prefixes)):
            value.setdefault(_VITAL_NAMES.get(name, name), member)
    return respell(value, members.get(SPELLED, ()))
