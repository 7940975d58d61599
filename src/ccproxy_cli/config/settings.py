"""The configuration tree: pure data, every field documented. `load` fills it."""

from collections.abc import Mapping

from attrs import Factory, field, frozen


@frozen
class ServerSettings:
    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs a token."""
    port: int = 8000
    """0 picks a free one."""
    token: str | None = field(default=None, repr=False)
    """What clients must send; `env:NAME` reads it from the environment."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names clients may use besides loopback and `host`."""
    allowed_origins: tuple[str, ...] = ()
    """Web origins that may call from a browser."""
    max_body_mb: int = 32
    """Largest request body, in MiB."""
    log_level: str = "info"
    """debug, info, warning or error."""


@frozen
class ProviderSettings:
    preset: str
    """A row of the presets: anthropic, openai, openai-responses, gemini, ollama, claude-code, echo, ..."""
    base_url: str | None = None
    """Where the vendor's SDK would be pointed; default from the preset."""
    format: str | None = None
    """anthropic, openai-chat, openai-responses or gemini; default from the preset."""
    api_key: str | None = field(default=None, repr=False)
    """The key itself, or `env:NAME`, `command:PROGRAM ARGS`, or `client` to pass the caller's key through."""
    models: tuple[str, ...] = ()
    """Models to list when the provider cannot list its own."""
    profile: Mapping[str, object] = Factory(dict)
    """Overrides of single abilities, by the field names of the profile."""
    executable: str | None = None
    """For claude-code: the CLI to run; default the one on PATH, else the bundled one."""
    environment: Mapping[str, str] = field(factory=dict, repr=False)
    """For claude-code: further variables for the CLI, such as those of a Bedrock or Vertex login."""
    max_children: int = 4
    """For claude-code: how many CLI processes may run at once, those kept ready among them; further requests wait."""
    pool_size: int = 2
    """For claude-code: how many CLI processes a server keeps ready at most for each model in use, some 130 MB each; 0 for none. They follow
    the load, and give way to requests when `max_children` is reached."""
    pool_idle: float = 300.0
    """For claude-code: seconds for which they are kept ready after the model was last asked for."""
    prewarm: tuple[str, ...] = ()
    """For claude-code: models, such as sonnet, for which a server keeps a process ready from its start."""


@frozen
class ModelRule:
    """What clients ask for and where it goes."""

    pattern: str
    """A model name; `*` matches any text. The first rule that matches wins."""
    targets: tuple[str, ...]
    """`provider/model` each; `*` in the model stands for what the pattern's `*` matched, or the whole name. The first one is used."""


@frozen
class TimeoutSettings:
    """Seconds."""

    connect: float = 10.0
    """To reach the upstream."""
    first_byte: float = 120.0
    """From sending the request to the first byte of the answer."""
    idle: float = 120.0
    """Between two pieces of the answer."""
    total: float = 3600.0
    """For the whole answer."""
    grace: float = 10.0
    """For open streams to end when the server stops."""


@frozen
class Settings:
    server: ServerSettings = ServerSettings()
    providers: Mapping[str, ProviderSettings] = Factory(dict)
    """By name; the order is that of the file."""
    models: tuple[ModelRule, ...] = ()
    timeouts: TimeoutSettings = TimeoutSettings()
    default_model: str | None = None
    """What `ask` and `wrap` use when no model is named."""
