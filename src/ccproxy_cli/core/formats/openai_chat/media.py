"""Fits media of another format into parts of this one."""

from attrs import define, evolve, field

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats._openai.media import FILES, FileNames, spread, titled, unsupported
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.media import refuse_others_files, words_of
from ccproxy_cli.core.parts import Excerpts, FileRef, Inline, Link, Media, MediaKind, Part, PlainText, Text

_AUDIO = {
    "audio/mpeg": "audio/mp3",
    "audio/mp3": "audio/mp3",
    "audio/wav": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
}
"""OpenAI takes these two, under these names."""


@define
class MediaFitter:
    """Fits the media of one request."""

    losses: Losses
    _names: FileNames = field(factory=FileNames)

    def fit(self, media: Media, path: str) -> tuple[Part, ...]:
        """The parts that say it here.

        Raises:
            BadRequest: it cannot be sent, and an answer without it would be an answer to another question.
        """
        self.losses.add_foreign(media.extras, NAME, path)
        bare = evolve(media, extras=spelling.ours({}))
        refuse_others_files(media.source, FILES, f"{path}.source")
        match media.kind, media.source:
            case MediaKind.IMAGE, Inline() | Link():
                if media.name or media.context:
                    self.losses.add(f"{path}.title", f"{NAME} has no title for images")
                return (evolve(bare, name=None, context=None),)
            case MediaKind.AUDIO, Inline(media_type, data) if media_type in _AUDIO:
                return (evolve(bare, source=Inline(_AUDIO[media_type], data), name=None, context=None),)
            case MediaKind.DOCUMENT, (PlainText() | Excerpts() | Inline() | FileRef()):
                return self._document(bare, path)
            case kind, _:
                raise unsupported(f"this kind of {kind.value}", f"{path}.source")

    def _document(self, media: Media, path: str) -> tuple[Part, ...]:
        context = (Text(media.context),) if media.context else ()
        match media.source:
            case PlainText(text):
                return (titled(media, text),)
            case Excerpts(parts):
                return spread(media, parts, path, self.fit, NAME, self.losses)
            case Inline(media_type) as file if media_type.startswith("text/"):
                return (titled(media, words_of(file, f"{path}.source.data")),)
            case Inline(media_type):
                return (*context, evolve(media, name=self._names.fit(media.name, media_type), context=None))
            case _:
                return (*context, evolve(media, name=None, context=None))
