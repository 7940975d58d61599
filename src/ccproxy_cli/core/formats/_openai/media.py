"""Media as both formats have them: data URLs, files uploaded to the vendor, documents of other formats under a name or as text."""

from collections.abc import Callable

from attrs import define

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Inline, Link, Media, Opaque, Part, Text

FILES = "openai"
"""Issuer of uploaded files: one vendor keeps them, and takes their ids in both formats."""
PDF_START = "JVBERi0"
"""`%PDF-` in base64: some clients send a document's bytes without the data URL around them."""
_ENDINGS = {"text/plain": "txt", "text/markdown": "md", "text/javascript": "js", "application/msword": "doc"}


def read_url(url: str) -> Inline | Link:
    """A data URL is the bytes themselves. Law: `write_url` gives the same URL back."""
    if url.startswith("data:"):
        media_type, marker, data = url[5:].partition(";base64,")
        if marker and "," not in media_type:
            return Inline(media_type, data)
    return Link(url)


def write_url(source: Inline | Link) -> str:
    return f"data:{source.media_type};base64,{source.data}" if isinstance(source, Inline) else source.url


def read_audio(body: JSON) -> tuple[Inline, dict[str, JSON]] | None:
    """A recording and what else its object holds, or None where the object is not the one that OpenAI documents."""
    match body:
        case {"data": str() as data, "format": str() as form}:
            return Inline(f"audio/{form}", data), {name: value for name, value in body.items() if name not in ("data", "format")}
        case _:
            return None


def write_audio(source: Inline, rest: dict[str, JSON]) -> dict[str, JSON]:
    """Undo `read_audio`."""
    return {"data": source.data, "format": source.media_type.removeprefix("audio/"), **rest}


def unsupported(what: str, path: str) -> BadRequest:
    """The exception for content that the format cannot say and that must not be left out."""
    return BadRequest(f"{path}: {what} is not supported by this model's API", path)


# Documents of other formats


@define
class FileNames:
    """Names for the documents of one request; those without one are numbered."""

    _unnamed: int = 0

    def fit(self, name: str | None, media_type: str) -> str:
        """A name with an ending: the vendor refuses bytes without one."""
        ending = _ENDINGS.get(media_type) or media_type.rpartition("/")[2].rpartition(".")[2] or "bin"
        if not name:
            self._unnamed += 1
            return f"document-{self._unnamed}.{ending}"
        return name if "." in name else f"{name}.{ending}"


def titled(media: Media, text: str) -> Text:
    """A document's words under its title, as there is no part for documents of text."""
    head = [f"[{media.name}]"] if media.name else []
    head += [media.context] if media.context else []
    return Text("\n".join([*head, text] if text else head), media.cache)


def spread(
    media: Media, excerpts: tuple[Part, ...], path: str, fit: Callable[[Media, str], tuple[Part, ...]], target: str, losses: Losses
) -> tuple[Part, ...]:
    """A document of excerpts as parts of the message around it, its title before the first.

    Args:
        fit: what is made of a medium among the excerpts, given its path.
    """
    fitted: list[Part] = []
    for index, part in enumerate(excerpts):
        where = f"{path}.source.content[{index}]"
        match part:
            case Text(text):
                fitted.append(Text(text))
            case Media():
                fitted += fit(part, where)
            case Opaque():
                losses.add(where, f"{target} has no content of type {part.type}")
            case _:
                losses.add(where, f"{type(part).__name__} cannot stand here")
    if fitted and isinstance(fitted[0], Text):
        return (titled(media, fitted[0].text), *fitted[1:])
    return (titled(media, ""), *fitted) if media.name or media.context else tuple(fitted)
