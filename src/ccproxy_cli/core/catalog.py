"""Model lists and token counts."""

from attrs import frozen

from ccproxy_cli.core.extras import NO_EXTRAS, Extras


@frozen
class ModelInfo:
    """One model that can be asked for."""

    id: str
    display_name: str | None = None
    created: int | None = None
    """Unix seconds."""
    owner: str | None = None
    context_window: int | None = None
    """Input tokens."""
    max_output: int | None = None
    """Output tokens."""
    extras: Extras = NO_EXTRAS


@frozen
class TokenCount:
    input_tokens: int
    estimated: bool = False
    """Counted here by rule of thumb, not by the vendor."""
    extras: Extras = NO_EXTRAS
