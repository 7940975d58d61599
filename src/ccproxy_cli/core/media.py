"""What holds of media wherever they go: an image's true type, the words of a text file, whose a file is."""

import base64
import binascii

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.parts import FileRef, Inline, Source

_MAGIC = (("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
"""How the first bytes of each image type look in base64."""


def image_type(source: Inline) -> str:
    """The type of an image by its bytes. Clients mislabel images, and some vendors refuse what is not as its label says."""
    for start, media_type in _MAGIC:
        if source.data.startswith(start):
            return media_type
    return "image/jpeg" if source.media_type in ("image/jpg", "image/*", "") else source.media_type


def words_of(source: Inline, path: str) -> str:
    """What stands in a text file.

    Raises:
        BadRequest: it is no text.
    """
    try:
        return base64.b64decode(source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadRequest(f"{path}: the text document is not base64 of UTF-8 text", path) from error


def refuse_others_files(source: Source, issuer: str, path: str) -> None:
    """For a target that reads only the files uploaded to `issuer`.

    Raises:
        BadRequest: this one is another's.
    """
    if isinstance(source, FileRef) and source.issuer != issuer:
        raise BadRequest(f"{path}: the file {source.file_id[:80]!r} lives at {source.issuer}, where {issuer} cannot read it", path)
