"""The programs that are known, and what each needs to talk to a server of ours: data, found by running them.

Where no source is named, a row was measured against a scripted provider on 2026-11-20, with the version it names.
"""

from pathlib import PurePath

from ccproxy_cli.launch.filling import KEY_VARIABLE
from ccproxy_cli.launch.homecopy import HomeCopy
from ccproxy_cli.launch.recipes import Recipe

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
    variables={
        **_ANTHROPIC,
        # The bearer form: for a new ANTHROPIC_API_KEY the program asks for approval on a terminal and stores the answer in the user's
        # files, and ours is new every time.
        "ANTHROPIC_AUTH_TOKEN": "$token",
        # Whoever starts it decides where it goes: without this, variables under `env` in its settings files win over all of these.
        "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST": "1",
    },
    model_variables={
        "ANTHROPIC_MODEL": "$model",
        "ANTHROPIC_SMALL_FAST_MODEL": "$model",
        "ANTHROPIC_DEFAULT_FABLE_MODEL": "$model",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "$model",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "$model",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "$model",
        "CLAUDE_CODE_SUBAGENT_MODEL": "$model",
    },
    # Counts for models that are not called `claude-`, whose window it knows.
    context_variables={"CLAUDE_CODE_MAX_CONTEXT_TOKENS": "$context"},
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


def _opencode(limit: str) -> str:
    own = (
        '"ccproxy":{"npm":"@ai-sdk/openai-compatible","name":"ccproxy","options":{"baseURL":"$root/v1","apiKey":"$token"},'
        '"models":{$model_json:{"name":$model_json,"tool_call":true,"attachment":true,'
        '"modalities":{"input":["text","image"],"output":["text"]}' + limit + "}}}"
    )
    return '{"model":$qualified_json,"small_model":$qualified_json,"provider":{' + _OPENCODE_ANTHROPIC + "," + own + "}}"


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
    model_variables={"OPENCODE_CONFIG_CONTENT": _opencode("")},
    # Without a limit it never compacts. It knows a window only together with a limit on the answer, which its own default meets.
    context_variables={"OPENCODE_CONFIG_CONTENT": _opencode(',"limit":{"context":$context,"output":32000}')},
    rivals=GENERIC.rivals,
)

CODEX = Recipe(
    name="codex",
    tested="Codex 0.169",
    programs=("codex",),
    # No variable leads it elsewhere: OPENAI_BASE_URL is ignored. A provider of its own also keeps it from trying WebSockets first.
    variables={KEY_VARIABLE: "$token"},
    arguments=(
        "-c",
        'model_provider="ccproxy"',
        "-c",
        f'model_providers.ccproxy={{name="ccproxy",base_url="$root/v1",env_key="{KEY_VARIABLE}",wire_api="responses"}}',
    ),
    model_arguments=("-c", "model=$model_json", "-c", "review_model=$model_json"),
    context_arguments=("-c", "model_context_window=$context"),
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
        "",
        ".gemini/settings.json",
        {"security": {"auth": {"selectedType": "gemini-api-key", "enforcedType": None}}, "selectedAuthType": None},
    ),
    rivals=(*_GEMINI_RIVALS, "GEMINI_API_KEY_AUTH_MECHANISM", "GEMINI_CLI_CUSTOM_HEADERS", "GOOGLE_GENAI_USE_GCA"),
)

QWEN = Recipe(
    name="qwen",
    tested="Qwen Code 0.15.10",
    programs=("qwen",),
    variables={**_OPENAI, KEY_VARIABLE: "$token"},
    arguments=("--auth-type", "openai"),
    model_arguments=("--model", "$model"),
    # A model that the user's settings list is asked for where they say. For one listed here it knows the window.
    home=HomeCopy(
        "QWEN_HOME",
        ".qwen",
        "settings.json",
        {
            "security": {"auth": {"enforcedType": None}},
            "modelProviders": {
                "openai": [
                    {
                        "id": "$model",
                        "name": "$model",
                        "baseUrl": "$root/v1",
                        "envKey": KEY_VARIABLE,
                        "generationConfig": {"contextWindowSize": "$context"},
                    }
                ]
            },
            "fastModel": "$model",
        },
    ),
    rivals=("OPENAI_MODEL",),
    needs_model=True,
)

CRUSH = Recipe(
    name="crush",
    tested="not run: docs/config/README.md and internal/config/load.go of charmbracelet/crush, read 2026-11-20",
    programs=("crush",),
    variables={KEY_VARIABLE: "$token"},
    # Its data wins over the user's own configuration, and a `$` there names a variable.
    home=HomeCopy(
        "CRUSH_GLOBAL_DATA",
        ".local/share/crush",
        "crush.json",
        {
            "providers": {
                "ccproxy": {
                    "name": "ccproxy",
                    "type": "openai-compat",
                    "base_url": "$root/v1",
                    "api_key": f"$${KEY_VARIABLE}",
                    "models": [
                        {
                            "id": "$model",
                            "name": "$model",
                            "context_window": "$window",  # with none it would take every conversation for too long
                            "default_max_tokens": 32000,
                            "supports_attachments": True,
                        }
                    ],
                }
            },
            "models": {
                "large": {"provider": "ccproxy", "model": "$model", "max_tokens": None},
                "small": {"provider": "ccproxy", "model": "$model", "max_tokens": None},
            },
        },
        xdg="XDG_DATA_HOME",
    ),
    needs_model=True,
)

GOOSE = Recipe(
    name="goose",
    tested="not run: documentation/docs/guides/environment-variables.md and providers.md of block/goose, read 2026-11-20",
    programs=("goose",),
    variables={
        **_OPENAI,
        "GOOSE_PROVIDER": "openai",
        "OPENAI_HOST": "$root",
        "OPENAI_BASE_PATH": "v1/chat/completions",
    },
    model_variables={"GOOSE_MODEL": "$model", "GOOSE_FAST_MODEL": "$model"},
    context_variables={"GOOSE_CONTEXT_LIMIT": "$context"},
    rivals=(
        "GOOSE_PROVIDER__TYPE",
        "GOOSE_PROVIDER__HOST",
        "GOOSE_PROVIDER__API_KEY",
        "GOOSE_LEAD_PROVIDER",
        "GOOSE_PLANNER_PROVIDER",
        "OPENAI_CUSTOM_HEADERS",
    ),
    needs_model=True,
)

CONTINUE = Recipe(
    name="cn",
    tested="Continue CLI 1.5.47",
    programs=("cn",),
    home=HomeCopy(
        "CONTINUE_GLOBAL_DIR",
        ".continue",
        "config.yaml",
        {
            "name": "ccproxy",
            "version": "1.0.0",
            "schema": "v1",
            "models": [
                {
                    "name": "$model",
                    "provider": "openai",
                    "model": "$model",
                    "apiBase": "$root/v1",
                    "apiKey": "$token",
                    "roles": ["chat", "edit", "apply", "summarize"],
                    "capabilities": ["tool_use", "image_input"],
                    "defaultCompletionOptions": {"contextLength": "$context"},
                }
            ],
        },
    ),
    needs_model=True,
)

CLINE = Recipe(
    name="cline",
    tested="Cline CLI 3.0.65",
    programs=("cline",),
    # Else it starts a server of its own in the background, which stays when it is gone, and goes on with what it was started with.
    variables={"CLINE_SESSION_BACKEND_MODE": "local"},
    home=HomeCopy(
        "CLINE_PROVIDER_SETTINGS_PATH",
        ".cline/data/settings",
        "providers.json",
        {
            "version": 1,
            "lastUsedProvider": "openai-compatible",
            "providers": {
                "openai-compatible": {
                    "settings": {
                        "provider": "openai-compatible",
                        "apiKey": "$token",
                        "model": "$model",
                        "baseUrl": "$root/v1",
                        "contextWindow": "$context",
                        "headers": None,
                    },
                    "updatedAt": "2026-01-01T00:00:00.000Z",
                    "tokenSource": "manual",
                }
            },
        },
        names_file=True,
    ),
    needs_model=True,
)

PI = Recipe(
    name="pi",
    tested="pi 0.73.1",
    programs=("pi",),
    variables={KEY_VARIABLE: "$token"},
    model_arguments=("--provider", "ccproxy", "--model", "$model"),
    home=HomeCopy(
        "PI_CODING_AGENT_DIR",
        ".pi/agent",
        "models.json",
        {
            "providers": {
                "ccproxy": {
                    "baseUrl": "$root/v1",
                    "api": "openai-completions",
                    "apiKey": KEY_VARIABLE,
                    "models": [
                        {"id": "$model", "name": "$model", "reasoning": True, "input": ["text", "image"], "contextWindow": "$context"}
                    ],
                }
            }
        },
    ),
    needs_model=True,
)

RECIPES = (CLAUDE, AIDER, LLM, OPENCODE, CODEX, GEMINI, QWEN, CRUSH, GOOSE, CONTINUE, CLINE, PI)


def recipe_for(program: str) -> Recipe:
    """The row for a program by its file name; the generic one for any that is not known."""
    name = PurePath(program).name
    return next((recipe for recipe in RECIPES if name in recipe.programs), GENERIC)
