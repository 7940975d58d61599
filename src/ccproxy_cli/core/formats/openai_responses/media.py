"""Fits media of another format into parts of this one."""

from attrs import define, evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.parts import unsupported
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.parts import Excerpts, FileRef, Inline, Link, Media, MediaKind, Opaque, Part, PlainText, Text

_ENDINGS = {"text/plain": "txt", "text/markdown": "md", "text/javascript": "js", "application/msword": "doc"}
_DETAILS = frozenset({"auto", "low", "high", "original"})


@define
class MediaFitter:
    """Fits the media of one request; it numbers documents without a name."""

    losses: Losses
    _unnamed: int = 0

    def fit(self, media: Media, path: str) -> tuple[Part, ...]:
        """The parts that say it here.

        Raises:
            BadRequest: it cannot be sent, and an answer without it would be an answer to another question.
        """
        self.losses.add_foreign(media.extras, NAME, path)
        bare = evolve(media, cache=None, extras=spelling.ours())
        match media.kind, media.source:
            case _, FileRef(issuer) if issuer != NAME:
                raise unsupported("a file uploaded to another vendor", f"{path}.source")
            case MediaKind.IMAGE, Inline() | Link() | FileRef():
                if media.name or media.context:
                    self.losses.add(f"{path}.title", f"{NAME} has no title for images")
                detail = media.detail if media.detail in _DETAILS else "auto"
                return (evolve(bare, name=None, context=None, detail=detail),)
            case MediaKind.DOCUMENT, (PlainText() | Excerpts() | Inline() | Link() | FileRef()):
                return self._document(bare, path)
            case kind, _:
                raise unsupported(f"this kind of {kind.value}", f"{path}.source")

    def _document(self, media: Media, path: str) -> tuple[Part, ...]:
        context = (Text(media.context),) if media.context else ()
        match media.source:
            case PlainText(text):
                return (_titled(media, text),)
            case Excerpts(parts):
                return self._excerpts(media, parts, path)
            case Inline(media_type):
                return (*context, evolve(media, name=self._file_name(media.name, media_type), context=None, detail=None))
            case _:
                return (*context, evolve(media, name=None, context=None, detail=None))

    def _file_name(self, name: str | None, media_type: str) -> str:
        """A name with an ending: the vendor refuses bytes without one."""
        ending = _ENDINGS.get(media_type) or media_type.rpartition("/")[2].rpartition(".")[2] or "bin"
        if not name:
            self._unnamed += 1
            return f"document-{self._unnamed}.{ending}"
        return name if "." in name else f"{name}.{ending}"

    def _excerpts(self, media: Media, parts: tuple[Part, ...], path: str) -> tuple[Part, ...]:
        fitted: list[Part] = []
        for index, part in enumerate(parts):
            where = f"{path}.source.content[{index}]"
            match part:
                case Text(text):
                    fitted.append(Text(text))
                case Media():
                    fitted += self.fit(part, where)
                case Opaque():
                    self.losses.add(where, f"{NAME} has no content of type {part.type}")
                case _:
                    self.losses.add(where, f"{type(part).__name__} cannot stand here")
        if fitted and isinstance(fitted[0], Text):
            return (_titled(media, fitted[0].text), *fitted[1:])
        return (_titled(media, ""), *fitted) if media.name or media.context else tuple(fitted)


def _titled(media: Media, text: str) -> Text:
    """A document's words under its title, as there is no part for documents of text."""
    head = [f"[{media.name}]"] if media.name else []
    head += [media.context] if media.context else []
    return Text("\n".join([*head, text] if text else head))
