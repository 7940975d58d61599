"""Envelopes: one vendor's proof on its way through another format's client, and home again.

Every official client hands its format's own opaque member back unread, so a foreign proof rides there, sealed under a key of ours. What
comes back with a good seal goes to its issuer byte for byte; what was changed on the way is dropped and goes to nobody.

An envelope is `ccp1seal` and standard base64 of

    mac (16 bytes of HMAC-SHA256)  pad  place SP issuer SP kind SP payload

The marker is base64 itself, and as many spaces as `pad` needs keep the length a multiple of three: so the whole is a base64 text of its
own without `=`, which Gemini's clients demand of a signature, and the marker can be looked for in a body without parsing it. Some of them
decode a signature and write it anew in the URL-safe alphabet (google-genai 3.3), so both are read.
"""

import base64
import binascii
import enum
import hashlib
import hmac

from attrs import frozen

from ccproxy_cli.core.parts import Proof, ProofKind

MARKER = "ccp1seal"
"""What every envelope begins with. The digit is the version."""
KEY_LENGTH = 32
"""Bytes of a key."""
_MAC = 16
_TO_STANDARD = str.maketrans("-_", "+/")


class Place(enum.StrEnum):
    """Where a proof hung, seen from the reasoning that carries its envelope."""

    HERE = "here"
    """On this very part."""
    CALL = "call"
    """On the next tool call."""
    TEXT = "text"
    """On the next text."""
    BLANK = "blank"
    """On a text without words, which stood here."""
    BEFORE = "before"
    """On the text or call before it."""
    NOWHERE = "nowhere"
    """There is none: the reasoning is another vendor's who vouches for nothing, which its client's own vendor would refuse."""


@frozen
class Sealed:
    """What an envelope holds."""

    proof: Proof
    place: Place = Place.HERE


@frozen
class Broken:
    """An envelope that we did not seal, or that was changed since: to be dropped, never to be passed on."""


BROKEN = Broken()


@frozen
class ProofSlot:
    """Where clients of a format carry opaque state."""

    kind: ProofKind
    """What their slot makes of it."""
    on_words: bool = False
    """Texts and calls have one too, not only reasoning."""
    thoughts_return: bool = True
    """Clients hand reasoning back with the rest of the conversation."""
    may_end: bool = True
    """Clients are content with an answer that ends in reasoning. Others show the user what comes last."""
    stand_in: str | None = None
    """What the vendor documents for calls of its history that it made no proof for, if it insists on one."""


def seal(proof: Proof, key: bytes, place: Place = Place.HERE) -> str:
    """The envelope of a proof. The same proof always gets the same one, so that replayed conversations keep their bytes."""
    content = f"{place} {proof.issuer} {proof.kind} {proof.payload}".encode("utf-8", "surrogatepass")
    content = b" " * (-(_MAC + len(content)) % 3) + content
    return MARKER + base64.b64encode(_mac(content, key) + content).decode()


def is_sealed(text: str) -> bool:
    """Whether `text` is, or pretends to be, an envelope."""
    return text.startswith(MARKER)


def unseal(text: str, key: bytes) -> Sealed | Broken | None:
    """What is in an envelope; None if `text` is none, as a vendor's own proofs are. Never raises."""
    if not is_sealed(text):
        return None
    try:
        raw = base64.b64decode(text[len(MARKER) :].translate(_TO_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        return BROKEN
    mac, content = raw[:_MAC], raw[_MAC:]
    # An envelope is never padded, and Python takes more padding than there should be.
    if len(raw) % 3 or text.endswith("=") or not hmac.compare_digest(mac, _mac(content, key)):
        return BROKEN
    place, issuer, kind, payload = content.decode("utf-8", "surrogatepass").lstrip(" ").split(" ", 3)
    return Sealed(Proof(issuer, payload, ProofKind(kind)), Place(place))


def _mac(content: bytes, key: bytes) -> bytes:
    return hmac.digest(key, MARKER.encode() + content, hashlib.sha256)[:_MAC]
