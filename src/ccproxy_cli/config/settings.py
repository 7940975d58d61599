"""The configuration tree: pure data, every field documented. `load` fills it."""

from collections.abc import Mapping, Sequence

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
class AgentSettings:
    """What the CLI may do here by itself. Only for a server on loopback with a token."""

    directory: str
    """Where it works: an absolute path, `~` being the home folder."""
    permission_mode: str = "dontAsk"
    """dontAsk: it reads there, and does what `allowed_tools` names; acceptEdits: it changes files there, too."""
    allowed_tools: tuple[str, ...] = ()
    """What it may do besides, anywhere, in the CLI's words: `Bash(git diff *)`, `WebFetch(domain:example.org)`, `Bash`."""


def _one_or_more(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


@frozen
class ProviderSettings:
    preset: str
    """A row of the presets: anthropic, openai, openai-responses, gemini, ollama, claude-code, echo, ..."""
    base_url: str | None = None
    """Where the vendor's SDK would be pointed; default from the preset."""
    format: str | None = None
    """anthropic, openai-chat, openai-responses or gemini; default from the preset."""
    api_key: tuple[str, ...] = field(default=(), repr=False, converter=_one_or_more)
    """The key itself, or `env:NAME`, `command:PROGRAM ARGS`, `keyring:SERVICE/NAME`, or `client` to pass the caller's key through. Of
    several each takes its turn, and one that is refused or limited rests. By default the preset's own variables, at its own address."""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    """Further headers for every request; their values may be references as in `api_key`."""
    query: Mapping[str, str] = Factory(dict)
    """Further query parameters for every request, such as Azure's `api-version`."""
    body: Mapping[str, object] = Factory(dict)
    """Further members for the body of every request that does not say them itself, such as Requesty's `requesty`."""
    models: tuple[str, ...] = ()
    """Models to list when the provider cannot list its own."""
    profile: Mapping[str, object] = Factory(dict)
    """Overrides of single abilities, by the field names of the profile."""
    concurrency: int | None = None
    """How many requests each process may run there at once; further ones wait, in the order they came. None for any number."""
    queue: int = 100
    """How many may wait for that, or for a process of claude-code, for as long as a first byte may take; further ones are told when to
    come again."""
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
    agent: AgentSettings | None = None
    """For claude-code: the CLI works with its own tools. Such a provider is reached by its own name alone, `NAME/sonnet`, or by a rule."""


@frozen
class ModelRule:
    """What clients ask for and where it goes."""

    pattern: str
    """A model name; `*` matches any text. The first rule that matches wins."""
    targets: tuple[str, ...]
    """`provider/model` each; `*` in the model stands for what the pattern's `*` matched, or the whole name. Each next one is used when
    those before it fail."""


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
class LimitSettings:
    """How much may be asked for. Nothing is limited unless it is set."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Input and output together; what a request will take is estimated, and settled once its answer is complete."""
    concurrency: int | None = None
    """Requests that may run at once."""
    burst_size: int | None = None
    """Requests that may come at once after a pause; default as many as a minute allows."""


@frozen
class GeneralLimitSettings(LimitSettings):
    """For each client, and for all requests without a client's token together."""

    overall: LimitSettings = LimitSettings()
    """For all requests together, whoever asks."""


@frozen
class ClientSettings:
    """Someone who may ask, known by a token of their own."""

    token: str = field(repr=False)
    """What this client must send; `env:NAME` reads it from the environment."""
    models: tuple[str, ...] = ("*",)
    """Globs of the model names this client may ask for."""
    limits: LimitSettings = LimitSettings()
    """In place of the general ones, each that is set."""


@frozen
class RouteRule:
    """Leads a request by what is in it. Everything that is set must hold."""

    to: tuple[str, ...]
    """As in `ModelRule.targets`."""
    model: str = "*"
    """Glob of the model name."""
    client: str | None = None
    """Name of the client that asks."""
    thinking: bool | None = None
    """The model is asked to think."""
    images: bool | None = None
    """There is an image in the conversation."""
    web_search: bool | None = None
    """A hosted web search is among the tools."""
    background: bool | None = None
    """A small chore of an agent: its vendor's small model is asked, or a title is wanted and there are no tools."""
    min_tokens: int | None = None
    """The input has at least this many tokens, by estimate."""


@frozen
class RetrySettings:
    """What is done about an upstream that fails before the first content of its answer."""

    attempts: int = 2
    """How often a target is tried at most, before the next one of its chain. The SDKs that clients use try again as well."""
    first_wait: float = 0.5
    """Seconds before the second try, about; they double from try to try. What the upstream says itself comes first."""
    longest_wait: float = 5.0
    """Seconds; who says to wait for longer is given up on instead."""
    cool_down: float = 30.0
    """Seconds for which a target that failed is left alone when its chain has others, and tried once alone when it has none; 0 for
    never."""


@frozen
class CacheSettings:
    """Complete answers given again to requests that ask for the same, whole or as a stream. Off unless `models` says for whom."""

    models: tuple[str, ...] = ()
    """Globs of the model names, as clients ask for them, whose answers are kept."""
    ttl: float = 3600.0
    """Seconds."""
    max_mb: int = 64
    """In MiB, for all answers of one process together; a single one may take an eighth."""
    shared: bool = False
    """One client's answers also serve the others, but for those that can be named later by their ids."""


@frozen
class StoreSettings:
    url: str = field(default="sqlite", repr=False)
    """Where limits, cool-downs, kept answers and the like are: `memory`, `sqlite`, `sqlite:///PATH`, or for several instances
    `redis://HOST:PORT/DB`, which may hold a password."""


@frozen
class Settings:
    server: ServerSettings = ServerSettings()
    providers: Mapping[str, ProviderSettings] = Factory(dict)
    """By name; the order is that of the file."""
    models: tuple[ModelRule, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    """Come before `models`; the first that holds wins."""
    clients: Mapping[str, ClientSettings] = Factory(dict)
    """By name. With any, requests need one of their tokens or the server's own."""
    timeouts: TimeoutSettings = TimeoutSettings()
    retries: RetrySettings = RetrySettings()
    limits: GeneralLimitSettings = GeneralLimitSettings()
    cache: CacheSettings = CacheSettings()
    store: StoreSettings = StoreSettings()
    default_model: str | None = None
    """What `ask` and `wrap` use when no model is named."""
