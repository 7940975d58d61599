"""What each known program needs in its environment to talk to a server of ours: data, found by running the programs.

Where no source is named, a row was measured against a scripted provider on 2026-11-20, with the version it names.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import PurePath
from string import Template

from attrs import Factory, field, frozen

from ccproxy_cli.launch.homecopy import HomeCopy


@frozen
class Endpoint:
    """A server that takes one token."""

    root: str
    """Scheme, host and port, without a path."""
    token: str = field(repr=False)


@frozen
class Recipe:
    """One program, or all programs that no other row knows.

    Values and arguments are templates: `$root` and `$token` are the endpoint's, `$model` is the model that was asked for, `$model_json`
    the same as a JSON string.
    """

    name: str
    tested: str
    """What the facts of this row were seen with."""
    programs: tuple[str, ...] = ()
    """File names of the program, without a folder."""
    variables: Mapping[str, str] = Factory(dict)
    """Always set."""
    model_variables: Mapping[str, str] = Factory(dict)
    """Set as well when a model was asked for: every slot in which the program keeps a model name."""
    arguments: tuple[str, ...] = ()
    """Put before the user's own, for a program that no variable can tell."""
    model_arguments: tuple[str, ...] = ()
    """Put there as well when a model was asked for."""
    home: HomeCopy | None = None
    """For a program that has to be told in a file."""
    rivals: tuple[str, ...] = ()
    """Taken out: with one of these set the program would go elsewhere, or show another key."""
    reads_claude_settings: bool = False
    """Variables in Claude Code's settings file win over those we set."""
    by_hand: str | None = None
    """What variables alone do not do, for whoever sets them without us. A template, too."""


_ANTHROPIC = {"ANTHROPIC_BASE_URL": "$root"}
"""Without a path: the vendor's SDKs and Claude Code add `/v1/messages` themselves."""

_OPENAI = {"OPENAI_BASE_URL": "$root/v1", "OPENAI_API_BASE": "$root/v1", "OPENAI_API_KEY": "$token"}
"""The SDKs read the first name, litellm and langchain the second."""

_ANTHROPIC_RIVALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")
"""The vendor's SDKs send both keys when both are set; custom headers are meant for another gateway and often hold its key."""

_GEMINI = {"GOOGLE_GEMINI_BASE_URL": "$root", "GEMINI_API_KEY": "$token"}
"""Without a path: the vendor's SDKs and Gemini CLI add the version themselves."""

_GEMINI_RIVALS = ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI")
"""The vendor's SDKs show the first rather than ours, and go to Vertex by the second whatever the base URL says."""

_OPENAI_RIVALS = ("OPENAI_API_TYPE",)
"""`azure` sends the openai SDK and litellm to Azure whatever the base URL says."""

GENERIC = Recipe(
    name="generic",
    tested="openai, anthropic and google-genai SDKs for Python and JavaScript, litellm, langchain, pydantic-ai",
    variables={
        **_ANTHROPIC,
        "ANTHROPIC_API_BASE": "$root",
        "ANTHROPIC_API_URL": "$root",
        "ANTHROPIC_API_KEY": "$token",
        **_OPENAI,
        **_GEMINI,
        "GEMINI_API_BASE": "$root/v1beta",  # litellm's
    },
    rivals=(*_ANTHROPIC_RIVALS, *_OPENAI_RIVALS, *_GEMINI_RIVALS),
)

CLAUDE = Recipe(
    name="claude",
    tested="Claude Code 2.1.197 and 2.1.329",
    programs=("claude",),
    # The bearer form: for a new ANTHROPIC_API_KEY the program asks for approval on a terminal and stores the answer in the user's
    # files, and ours is new every time.
    variables={**_ANTHROPIC, "ANTHROPIC_AUTH_TOKEN": "$token"},
    model_variables={
        "ANTHROPIC_MODEL": "$model",
        "ANTHROPIC_SMALL_FAST_MODEL": "$model",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "$model",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "$model",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "$model",
        "CLAUDE_CODE_SUBAGENT_MODEL": "$model",
    },
    rivals=(
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_BEDROCK_BASE_URL",
        "ANTHROPIC_VERTEX_BASE_URL",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_FOUNDRY",
        "CLAUDE_CODE_USE_VERTEX",
    ),
    reads_claude_settings=True,
)

AIDER = Recipe(
    name="aider",
    tested="aider 0.86.2",
    programs=("aider",),
    variables=GENERIC.variables,
    # litellm picks the dialect by the prefix; without one it does not know a foreign name.
    model_variables={"AIDER_MODEL": "openai/$model", "AIDER_WEAK_MODEL": "openai/$model", "AIDER_EDITOR_MODEL": "openai/$model"},
    rivals=GENERIC.rivals,
)

LLM = Recipe(
    name="llm",
    tested="llm 0.36",
    programs=("llm",),
    # No slot for the model: llm takes only names from its own list, and the server sends any of them to the model asked for.
    variables=GENERIC.variables,
    rivals=GENERIC.rivals,
)

_OPENCODE_ANTHROPIC = '"anthropic":{"options":{"baseURL":"$root/v1","apiKey":"$token"}}'
_OPENCODE_OWN = (
    '"ccproxy":{"npm":"@ai-sdk/openai-compatible","name":"ccproxy","options":{"baseURL":"$root/v1","apiKey":"$token"},'
    '"models":{$model_json:{"name":$model_json,"tool_call":true,"attachment":true,'
    '"modalities":{"input":["text","image"],"output":["text"]}}}}'
)

OPENCODE = Recipe(
    name="opencode",
    tested="opencode 1.18.33",
    programs=("opencode",),
    # Its SDK wants `/v1` in the base URL. A model outside its catalog has to be declared, under a provider of its own.
    variables={
        "ANTHROPIC_BASE_URL": "$root/v1",
        "ANTHROPIC_API_KEY": "$token",
        **_OPENAI,
        "OPENCODE_CONFIG_CONTENT": '{"provider":{' + _OPENCODE_ANTHROPIC + "}}",
    },
    model_variables={
        "OPENCODE_CONFIG_CONTENT": (
            '{"model":$qualified_json,"small_model":$qualified_json,"provider":{' + _OPENCODE_ANTHROPIC + "," + _OPENCODE_OWN + "}}"
        )
    },
    rivals=GENERIC.rivals,
)

CODEX = Recipe(
    name="codex",
    tested="Codex 0.169",
    programs=("codex",),
    # No variable leads it elsewhere: OPENAI_BASE_URL is ignored. A provider of its own also keeps it from trying WebSockets first.
    variables={"CCPROXY_SESSION_KEY": "$token"},
    arguments=(
        "-c",
        'model_provider="ccproxy"',
        "-c",
        'model_providers.ccproxy={name="ccproxy",base_url="$root/v1",env_key="CCPROXY_SESSION_KEY",wire_api="responses"}',
    ),
    model_arguments=("-c", "model=$model_json"),
    by_hand="codex must be told by its arguments, too: codex $arguments",
)

GEMINI = Recipe(
    name="gemini",
    tested="Gemini CLI 0.61",
    programs=("gemini",),
    variables=_GEMINI,
    model_variables={"GEMINI_MODEL": "$model"},
    # With an address in the environment it takes the way to sign in from its settings alone, and those of the system, which would win
    # over the user's, count only if they belong to root. The second name is what older versions called it.
    home=HomeCopy(
        "GEMINI_CLI_HOME",
        ".gemini",
        "settings.json",
        {"security": {"auth": {"selectedType": "gemini-api-key", "enforcedType": None}}, "selectedAuthType": None},
    ),
    by_hand='gemini must be told in ~/.gemini/settings.json, too: {"security": {"auth": {"selectedType": "gemini-api-key"}}}',
    rivals=(*_GEMINI_RIVALS, "GEMINI_API_KEY_AUTH_MECHANISM", "GEMINI_CLI_CUSTOM_HEADERS", "GOOGLE_GENAI_USE_GCA"),
)

RECIPES = (CLAUDE, AIDER, LLM, OPENCODE, CODEX, GEMINI)


def recipe_for(program: str) -> Recipe:
    """The row for a program by its file name; the generic one for any that is not known."""
    name = PurePath(program).name
    return next((recipe for recipe in RECIPES if name in recipe.programs), GENERIC)


def changes(recipe: Recipe, endpoint: Endpoint, model: str | None) -> dict[str, str | None]:
    """What to set, by name, and what to take out, which has the value None."""
    words = _words(endpoint, model)
    templates = dict(recipe.variables)
    if model is not None:
        templates |= recipe.model_variables
    made: dict[str, str | None] = {name: Template(text).substitute(words) for name, text in templates.items()}
    return made | {name: None for name in recipe.rivals if name not in made}


def arguments_for(recipe: Recipe, endpoint: Endpoint, model: str | None) -> tuple[str, ...]:
    """What the program is told before the user's own arguments."""
    templates = (*recipe.arguments, *(() if model is None else recipe.model_arguments))
    return tuple(Template(text).substitute(_words(endpoint, model)) for text in templates)


def left_to_do(recipe: Recipe, endpoint: Endpoint, model: str | None) -> str | None:
    """What has to be done by hand beside setting the variables, in one sentence."""
    if recipe.by_hand is None:
        return None
    return Template(recipe.by_hand).safe_substitute(arguments=shlex.join(arguments_for(recipe, endpoint, model)))


def _words(endpoint: Endpoint, model: str | None) -> dict[str, str]:
    words = {"root": endpoint.root, "token": endpoint.token}
    if model is None:
        return words
    # A provider of the name `ccproxy` qualifies a model in programs that keep a list of providers.
    return words | {"model": model, "model_json": json.dumps(model), "qualified_json": json.dumps(f"ccproxy/{model}")}


_PROXY_VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_LOOPBACK = "127.0.0.1,localhost"


@frozen
class ChildEnvironment:
    variables: Mapping[str, str] = field(repr=False)
    """All of it."""
    set_aside: tuple[str, ...]
    """Names whose value, set by the user, the child does not get to see."""


def child_environment(wanted: Mapping[str, str | None], inherited: Mapping[str, str]) -> ChildEnvironment:
    """The user's environment with `wanted` applied; where it names an HTTP proxy, our address is excepted from it."""
    environment = dict(inherited)
    for name, value in wanted.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    if any(environment.get(name) for name in _PROXY_VARIABLES):
        exceptions = environment.get("NO_PROXY") or environment.get("no_proxy")
        environment["NO_PROXY"] = environment["no_proxy"] = f"{exceptions},{_LOOPBACK}" if exceptions else _LOOPBACK
    set_aside = tuple(sorted(name for name, value in wanted.items() if inherited.get(name, value) != value and inherited.get(name)))
    return ChildEnvironment(environment, set_aside)
