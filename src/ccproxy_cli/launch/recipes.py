"""What each known program needs in its environment to talk to a server of ours: data, found by running the programs.

Where no source is named, a row was measured against a scripted provider on 2026-11-20, with the version it names.
"""

import json
from collections.abc import Mapping
from pathlib import PurePath
from string import Template

from attrs import Factory, field, frozen


@frozen
class Endpoint:
    """A server that takes one token."""

    root: str
    """Scheme, host and port, without a path."""
    token: str = field(repr=False)


@frozen
class Recipe:
    """One program, or all programs that no other row knows.

    Values are templates: `$root` and `$token` are the endpoint's, `$model` is the model that was asked for, `$model_json` the same as
    a JSON string.
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
    rivals: tuple[str, ...] = ()
    """Taken out: with one of these set the program would go elsewhere, or show another key."""
    reads_claude_settings: bool = False
    """Variables in Claude Code's settings file win over those we set."""
    refusal: str | None = None
    """Why this program cannot be served, in one sentence."""


_ANTHROPIC = {"ANTHROPIC_BASE_URL": "$root"}
"""Without a path: the vendor's SDKs and Claude Code add `/v1/messages` themselves."""

_OPENAI = {"OPENAI_BASE_URL": "$root/v1", "OPENAI_API_BASE": "$root/v1", "OPENAI_API_KEY": "$token"}
"""The SDKs read the first name, litellm and langchain the second."""

_ANTHROPIC_RIVALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")
"""The vendor's SDKs send both keys when both are set; custom headers are meant for another gateway and often hold its key."""

_OPENAI_RIVALS = ("OPENAI_API_TYPE",)
"""`azure` sends the openai SDK and litellm to Azure whatever the base URL says."""

GENERIC = Recipe(
    name="generic",
    tested="openai and anthropic SDKs for Python and JavaScript, litellm, langchain, pydantic-ai",
    variables={
        **_ANTHROPIC,
        "ANTHROPIC_API_BASE": "$root",
        "ANTHROPIC_API_URL": "$root",
        "ANTHROPIC_API_KEY": "$token",
        **_OPENAI,
    },
    rivals=(*_ANTHROPIC_RIVALS, *_OPENAI_RIVALS),
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

_LATER = "{program} speaks {format}, which this version does not serve yet"

CODEX = Recipe(
    name="codex",
    tested="Codex 0.169",
    programs=("codex",),
    refusal=_LATER.format(program="codex", format="the OpenAI Responses API"),
)

GEMINI = Recipe(
    name="gemini",
    tested="Gemini CLI 0.61",
    programs=("gemini",),
    refusal=_LATER.format(program="gemini", format="the Gemini API"),
)

RECIPES = (CLAUDE, AIDER, LLM, OPENCODE, CODEX, GEMINI)


def recipe_for(program: str) -> Recipe:
    """The row for a program by its file name; the generic one for any that is not known."""
    name = PurePath(program).name
    return next((recipe for recipe in RECIPES if name in recipe.programs), GENERIC)


def changes(recipe: Recipe, endpoint: Endpoint, model: str | None) -> dict[str, str | None]:
    """What to set, by name, and what to take out, which has the value None."""
    words = {"root": endpoint.root, "token": endpoint.token}
    templates = dict(recipe.variables)
    if model is not None:
        # A provider of the name `ccproxy` qualifies a model in programs that keep a list of providers.
        words |= {"model": model, "model_json": json.dumps(model), "qualified_json": json.dumps(f"ccproxy/{model}")}
        templates |= recipe.model_variables
    made: dict[str, str | None] = {name: Template(text).substitute(words) for name, text in templates.items()}
    return made | {name: None for name in recipe.rivals if name not in made}


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
