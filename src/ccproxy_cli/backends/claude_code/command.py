"""How the CLI is started so that it behaves like an API: fixed arguments, and an environment that is built up from nothing.

What clients send is untrusted, quoted mail and web pages included, and the CLI is an agent by trade. Each argument and variable here
closes a door that was found open with every tool switched off (2.1.197, 2.1.327 and 2.1.329 against a fake API).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.core.jsontext import dumps_str

TOOL_SERVER = "client"
"""The name under which the client's tools are offered to the CLI."""

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/\[\]-]{0,199}")
"""A model is an argument of its own, so it must never look like an option. Brackets: `sonnet[1m]`. Colons and slashes: Bedrock."""

_SETTINGS = dumps_str({"permissions": {"deny": ["Read(//**)"]}, "disableAllHooks": True})
"""A second lock on file reads through `@path`, which no list of tools prevents."""

COMMON_ARGUMENTS = (
    *("--output-format", "stream-json", "--input-format", "stream-json", "--verbose", "--include-partial-messages"),
    *("--strict-mcp-config", "--setting-sources", ""),  # none of the user's MCP servers, settings, hooks, CLAUDE.md
    "--disable-slash-commands",
    "--no-session-persistence",  # no transcript on disk
)
"""For a login that behaves like an API, and for an agent."""

_ARGUMENTS = (
    *COMMON_ARGUMENTS,
    *("--tools", ""),  # no built-in tool
    *("--settings", _SETTINGS),
    *("--permission-mode", "dontAsk"),  # what is not allowed is refused without asking
    *("--allowedTools", f"mcp__{TOOL_SERVER}"),
    *("--max-turns", "1"),  # a call of a tool that is not there is no reason to ask again
)

FIXED_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        # `@path` in a prompt reads that file otherwise
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
        "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
        # the user's notes are not the client's to read
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
        # a conversation that is too long is shortened by the model otherwise, and a long one refused by guess
        "CLAUDE_CODE_BLOCKING_LIMIT_OVERRIDE": "100000000",
        "DISABLE_AUTO_COMPACT": "1",
        "DISABLE_COMPACT": "1",
        # another model answers otherwise: for older names, for lack of access, after a refusal
        "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP": "1",
        "CLAUDE_CODE_DISABLE_MODEL_ACCESS_FALLBACK": "1",
        "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
        "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
        # a broken stream is repeated as one block otherwise, and billed twice
        "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
        # a word in the prompt changes the effort otherwise
        "CLAUDE_CODE_DISABLE_ULTRATHINK": "1",
        # every tool of the client is shown to the model, however many
        "ENABLE_TOOL_SEARCH": "false",
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
    }
)
"""What nobody may change: safety, and that the API gets what the client said (2.1.329)."""

DEFAULT_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
    }
)
"""What the user may set otherwise for this backend."""

_EXACT_ENVIRONMENT = {"CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1"}
"""With `--bare`: no context management nobody asked for, no empty system message after the first turn to repeat the effort (2.1.329)."""

INHERITED = frozenset(
    {
        # to find programs and its own home
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
        "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
        # the user's own login: where it lies, and the token that `claude setup-token` makes for machines without a browser
        "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN",
        # the way to the internet
        "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
    }
)  # fmt: skip
"""What the child sees of our environment. Not ANTHROPIC_*: it may point at this very proxy, and keys there are for other backends."""


_CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_YES = frozenset({"1", "true", "yes", "on"})


def check_model(model: str) -> str:
    """`model`, if it may stand on the command line.

    Raises:
        BadRequest: it may not.
    """
    if not _MODEL.fullmatch(model):
        raise BadRequest("model: not the name of a model", "model", ErrorKind.NOT_FOUND)
    return model


def arguments(program: str, model: str, *, bare: bool) -> list[str]:
    """The whole command line. Nothing else ever goes there: it shows in `ps`.

    Args:
        bare: leave out every reminder the CLI adds to the conversation. Only an API key or a cloud authenticates then, never a login.
    """
    return [program, *_ARGUMENTS, *(("--bare",) if bare else ()), "--model", check_model(model)]


def environment(ours: Mapping[str, str], configured: Mapping[str, str]) -> dict[str, str]:
    """The child's whole environment.

    Args:
        ours: the server's environment, of which a few variables are passed on.
        configured: what the user set for this backend; it wins over everything but what keeps the child safe.
    """
    passed = {name: value for name, value in ours.items() if name in INHERITED}
    exact = _EXACT_ENVIRONMENT if is_bare(configured) else {}
    return {**passed, **DEFAULT_ENVIRONMENT, **exact, **configured, **FIXED_ENVIRONMENT}


def is_cloud(configured: Mapping[str, str]) -> bool:
    """Whether the user leads this backend to a cloud's models, where the cloud's credentials authenticate and names differ."""
    return any(configured.get(name, "").strip().lower() in _YES for name in _CLOUDS)


def is_bare(configured: Mapping[str, str]) -> bool:
    """Whether what authenticates is a key or a cloud that the user set for this backend, so that `--bare` locks no login out."""
    return is_cloud(configured) or (bool(configured.get("ANTHROPIC_API_KEY")) and not configured.get("ANTHROPIC_AUTH_TOKEN"))
