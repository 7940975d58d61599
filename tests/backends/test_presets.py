"""Every provider's request as it is sent, against the form that its vendor documents. The expected values are written by hand."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from attrs import evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from ccproxy_cli.backends.addresses import Unset, address, model_path
from ccproxy_cli.backends.credentials import EnvironmentKey
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.backends.presets import PRESETS, Preset
from ccproxy_cli.backends.provider import http_backend
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.settings import ProviderSettings, TimeoutSettings
from ccproxy_cli.config.vendors import is_own
from ccproxy_cli.core.errors import UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role, Sampling, Thinking, Tool
from ccproxy_cli.observe.redact import Redactor
from tests.backends.samples import ANTHROPIC_BODY, CHAT_BODY
from tests.backends.test_http import collected
from tests.raw_upstream import RawUpstream, json_reply

KEY = "key-0123456789abcdef"
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}}
ASKED = Request(
    "",
    (Message(Role.USER, (Text("Hi"),)),),
    instructions=(Text("Be brief."),),
    tools=(Tool("look", parameters=SCHEMA),),
    max_tokens=512,
    sampling=Sampling(temperature=0.5, seed=7),
    thinking=Thinking(effort="high"),
    user="u-1",
)
"""Something of everything that providers differ in. `seed` and `user` have no place at some."""

CHAT = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}],
    "temperature": 0.5,
}
MARK = {"cache_control": {"type": "ephemeral"}}
ALIAS = hashlib.sha256(b"u-1").hexdigest()
OPENAI = {**CHAT, "safety_identifier": ALIAS, "max_completion_tokens": 512, "seed": 7}
"""OpenAI's own names of today."""
COPY = {**CHAT, "user": ALIAS, "max_tokens": 512, "seed": 7}
"""Those that everybody else knows."""
NEWER_LIMIT = {**CHAT, "user": ALIAS, "max_completion_tokens": 512, "seed": 7}
GOOGLE = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    "tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]}],
    "generationConfig": {
        "maxOutputTokens": 512,
        "temperature": 0.5,
        "seed": 7,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 24_576},
    },
}
GEMINI_ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi."}]}, "finishReason": "STOP", "index": 0}]}
RESPONSES_ANSWER = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": []}
ANSWERS = {"openai-chat": CHAT_BODY, "anthropic": ANTHROPIC_BODY, "gemini": GEMINI_ANSWER, "openai-responses": RESPONSES_ANSWER}


@frozen
class Documented:
    """One request in its vendor's documented form."""

    preset: str
    model: str
    url: str
    body: Mapping[str, Any]
    source: str
    """The page it was written from."""
    headers: Mapping[str, str] = field(factory=lambda: {"authorization": f"Bearer {KEY}"})
    """Those that matter."""
    environ: Mapping[str, str] = field(factory=dict)
    settings: Mapping[str, Any] = field(factory=dict)
    """Beyond the preset."""


DOCUMENTED = (
    Documented(
        "anthropic",
        "claude-sonnet-4-5",
        "https://api.anthropic.com/v1/messages",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 512,
            "system": [{"type": "text", "text": "Be brief.", **MARK}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", **MARK}]}],
            "tools": [{"name": "look", "input_schema": SCHEMA, **MARK}],
            "temperature": 0.5,
            "metadata": {"user_id": "u-1"},
        },
        "https://docs.anthropic.com/en/api/messages",
        {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    ),
    Documented(
        "openai",
        "gpt-4.1",
        "https://api.openai.com/v1/chat/completions",
        OPENAI,
        "https://platform.openai.com/docs/api-reference/chat/create",
    ),
    Documented(
        "openai-responses",
        "gpt-4.1",
        "https://api.openai.com/v1/responses",
        {
            "instructions": "Be brief.",
            "input": [{"role": "user", "content": "Hi"}],
            "tools": [{"type": "function", "name": "look", "parameters": SCHEMA, "strict": False}],
            "max_output_tokens": 512,
            "temperature": 0.5,
            "store": False,
            "safety_identifier": ALIAS,
        },
        "https://platform.openai.com/docs/api-reference/responses/create",
    ),
    Documented(
        "gemini",
        "gemini-2.5-flash",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        GOOGLE,
        "https://ai.google.dev/api/generate-content",
        {"x-goog-api-key": KEY},
    ),
    Documented(
        "vertex",
        "gemini-2.5-flash",
        "https://europe-west1-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west1/publishers/google"
        "/models/gemini-2.5-flash:generateContent",
        GOOGLE,
        "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        environ={"GOOGLE_CLOUD_PROJECT": "my-project", "GOOGLE_CLOUD_LOCATION": "europe-west1"},
        settings={"api_key": f"command:echo {KEY}"},
    ),
    Documented(
        "azure",
        "my-deployment",
        "https://my-resource.openai.azure.com/openai/v1/chat/completions",
        OPENAI,
        "https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
        {"api-key": KEY},
        {"AZURE_OPENAI_ENDPOINT": "https://my-resource.openai.azure.com/"},
    ),
    Documented(
        "azure-deployments",
        "my-deployment",
        "https://my-resource.openai.azure.com/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
        OPENAI,
        "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        {"api-key": KEY},
        {"AZURE_OPENAI_ENDPOINT": "https://my-resource.openai.azure.com"},
    ),
    Documented(
        "bedrock",
        "openai.gpt-oss-20b-1:0",
        "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions",
        NEWER_LIMIT,
        "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html",
        environ={"AWS_REGION": "us-west-2"},
    ),
    Documented(
        "deepseek",
        "deepseek-v4-pro",
        "https://api.deepseek.com/chat/completions",
        {**COPY, "reasoning_effort": "high"},
        "https://api-docs.deepseek.com/api/create-chat-completion",
    ),
    Documented(
        "mistral",
        "mistral-medium-latest",
        "https://api.mistral.ai/v1/chat/completions",
        {
            **CHAT,
            "max_tokens": 512,
            "random_seed": 7,
            "reasoning_effort": "high",
        },
        "https://docs.mistral.ai/api/endpoint/chat",
    ),
    Documented(
        "xai",
        "grok-4.5",
        "https://api.x.ai/v1/chat/completions",
        {**NEWER_LIMIT, "reasoning_effort": "high"},
        "https://docs.x.ai/docs/api-reference#chat-completions",
    ),
    Documented(
        "openrouter",
        "anthropic/claude-sonnet-4.5",
        "https://openrouter.ai/api/v1/chat/completions",
        {**COPY, "reasoning": {"effort": "high"}},
        "https://openrouter.ai/docs/api-reference/overview",
        {"authorization": f"Bearer {KEY}", "x-title": "ccproxy"},
    ),
    Documented(
        "requesty",
        "anthropic/claude-sonnet-4-5",
        "https://router.requesty.ai/v1/chat/completions",
        {**COPY, "requesty": {"auto_cache": True}},
        "https://docs.requesty.ai/features/auto-caching",
        settings={"body": {"requesty": {"auto_cache": True}}},
    ),
    Documented(
        "groq",
        "openai/gpt-oss-20b",
        "https://api.groq.com/openai/v1/chat/completions",
        {**NEWER_LIMIT, "reasoning_effort": "high"},
        "https://console.groq.com/docs/openai",
    ),
    Documented(
        "together",
        "openai/gpt-oss-20b",
        "https://api.together.ai/v1/chat/completions",
        COPY,
        "https://docs.together.ai/docs/inference/openai-compatibility",
    ),
    Documented(
        "fireworks",
        "accounts/fireworks/models/gpt-oss-20b",
        "https://api.fireworks.ai/inference/v1/chat/completions",
        COPY,
        "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    ),
    Documented(
        "ollama",
        "qwen3:8b",
        "http://127.0.0.1:11434/v1/chat/completions",
        {**COPY, "reasoning_effort": "high"},
        "https://github.com/ollama/ollama/blob/main/docs/openai.md",
    ),
    Documented(
        "lmstudio",
        "qwen/qwen3-8b",
        "http://127.0.0.1:1234/v1/chat/completions",
        COPY,
        "https://lmstudio.ai/docs/developer/openai-compat",
    ),
    Documented(
        "llamacpp",
        "qwen3-8b.gguf",
        "http://127.0.0.1:8080/v1/chat/completions",
        COPY,
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    ),
    Documented(
        "vllm",
        "Qwen/Qwen3-8B",
        "http://127.0.0.1:8000/v1/chat/completions",
        COPY,
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
    Documented(
        "openai-compatible",
        "some-model",
        "https://models.example.org/api/v1/chat/completions",
        COPY,
        "https://platform.openai.com/docs/api-reference/chat/create",
        settings={"base_url": "https://models.example.org/api/v1", "api_key": KEY},
    ),
)
ROW = pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: row.preset)


def environ_of(row: Documented) -> dict[str, str]:
    """What the row needs, and a key in the last variable that it is read from."""
    return {**dict.fromkeys(PRESETS[row.preset].key_variables[-1:], KEY), **row.environ}


def moved(url: str, upstream: RawUpstream) -> str:
    return re.sub(r"^https?://[^/]+", upstream.url, url)


def here(row: Documented, upstream: RawUpstream) -> HTTPBackend:
    """The provider as it is, but for the host and port of its address."""
    environ = {name: moved(value, upstream) for name, value in environ_of(row).items()}
    preset = PRESETS[row.preset]
    preset = evolve(preset, base_url=moved(preset.base_url or "https://host", upstream))
    settings = {name: moved(value, upstream) if name == "base_url" else value for name, value in row.settings.items()}
    return http_backend("up", ProviderSettings(row.preset, **settings), preset, TimeoutSettings(), environ, Redactor())


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def test_every_provider_is_documented() -> None:
    assert {row.preset for row in DOCUMENTED} == {name for name, preset in PRESETS.items() if preset.format is not None}


@ROW
async def test_the_request_is_the_documented_one(row: Documented, upstream: RawUpstream) -> None:
    preset = PRESETS[row.preset]
    upstream.will(json_reply(ANSWERS[preset.format or ""]))
    backend = here(row, upstream)
    await collected(await backend.send(evolve(ASKED, model=row.model), Losses()))
    await backend.aclose()
    (heard,) = upstream.heard
    own = address(preset, row.settings.get("base_url"), environ_of(row))
    assert re.match(r"https?://[^/]+", own)[0] + heard.path == row.url  # type: ignore[index]
    assert (heard.method, heard.headers["host"]) == ("POST", f"127.0.0.1:{upstream.port}")
    assert {name: heard.headers.get(name) for name in row.headers} == row.headers
    body = heard.json
    assert body.pop("model", row.model) == row.model
    assert body == {name: value for name, value in row.body.items() if name != "model"}


@ROW
async def test_a_relayed_request_goes_to_the_same_place_with_the_same_key(row: Documented, upstream: RawUpstream) -> None:
    preset = PRESETS[row.preset]
    spoken = FORMATS[preset.format or ""]
    upstream.will(json_reply(ANSWERS[spoken.name]))
    backend = here(row, upstream)
    call = spoken.encode_request(evolve(ASKED, model=row.model), backend._profile_for(row.model), Losses())
    headers = {"host": "elsewhere.example", "authorization": "Bearer theirs", "cookie": "a=b", "x-title": "Their program"}
    await backend.relay(evolve(call, headers={**call.headers, **headers}), False)
    await backend.aclose()
    (heard,) = upstream.heard
    assert heard.path == re.sub(r"^https?://[^/]+", "", row.url)
    title = "Their program" if "x-title" in preset.travelling else None
    assert {name: heard.headers.get(name) for name in row.headers} == {
        **row.headers,
        **({"x-title": title} if "x-title" in row.headers else {}),
    }
    assert (heard.headers["host"], "cookie" in heard.headers) == (f"127.0.0.1:{upstream.port}", False)
    assert heard.json.items() >= {name: value for name, value in row.body.items() if name == "requesty"}.items()


# Addresses


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (None, "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"),
        ("global", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"),
        ("us-central1", "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google"),
    ],
)
def test_vertex_is_where_the_environment_says(location: str | None, place: str) -> None:
    environ = {"GOOGLE_CLOUD_PROJECT": "p"} | ({"GOOGLE_CLOUD_LOCATION": location} if location else {})
    assert address(PRESETS["vertex"], None, environ) == place
    assert is_own(PRESETS["vertex"], place)


@pytest.mark.parametrize("project", ["", "a/../b", "x@evil.example", "evil.example/#", "a b", "é?"])
def test_what_completes_an_address_cannot_lead_it_elsewhere(project: str) -> None:
    with pytest.raises(Unset, match="GOOGLE_CLOUD_PROJECT"):
        address(PRESETS["vertex"], None, {"GOOGLE_CLOUD_PROJECT": project})


@pytest.mark.parametrize(
    ("preset", "given", "place", "path"),
    [
        ("azure", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", ""),
        ("azure", "https://r.openai.azure.com/openai/v1/", "https://r.openai.azure.com/openai/v1", ""),
        ("azure-deployments", "https://r.openai.azure.com", "https://r.openai.azure.com/openai", "/deployments/{model}"),
        ("azure-deployments", "https://r.openai.azure.com/openai/deployments/d", "https://r.openai.azure.com/openai/deployments/d", ""),
        ("deepseek", "https://mirror.example/api", "https://mirror.example/api", ""),
    ],
)
def test_addresses_are_taken_as_their_vendors_show_them(preset: str, given: str, place: str, path: str) -> None:
    found = address(PRESETS[preset], given, {})
    assert (found, model_path(PRESETS[preset], found)) == (place, path)


@pytest.mark.parametrize(
    ("preset", "url", "own"),
    [
        ("openai", "https://api.openai.com/v1", True),
        ("openai", "https://api.openai.com/other", True),
        ("openai", "https://api.openai.com:443/v1", True),
        ("openai", "http://api.openai.com/v1", False),
        ("openai", "https://api.openai.com:8443/v1", False),
        ("openai", "https://api.openai.com.evil.example/v1", False),
        ("openai", "https://evil.example/api.openai.com", False),
        ("openai", "https://127.0.0.1:443/v1", False),
        ("azure", "https://r.openai.azure.com", True),
        ("azure", "https://openai.azure.com.evil.example", False),
        ("azure", "http://r.openai.azure.com", False),
        ("ollama", "http://127.0.0.1:11434", True),
        ("ollama", "http://127.0.0.1:11435", False),
        ("openai-compatible", "https://anything.example", False),
    ],
)
def test_whose_address_it_is(preset: str, url: str, own: bool) -> None:
    assert is_own(PRESETS[preset], url) is own


PIECES = st.sampled_from(
    [
        *("https://", "http://", "api.openai.com", "API.OPENAI.COM", "r.openai.azure.com", ".evil.example", "evil.example", "user:pass@"),
        *(":443", ":80", "/v1", "@", "\\", "#", "?", ";", "%2e", "%40", "\t", "\n", " ", "/", "//", "..", "。", "\x00", "[", "]"),
    ]
)


@given(st.lists(PIECES, max_size=6).map("".join) | st.text(max_size=30).map("https://api.openai.com{}".format))
@settings(max_examples=100)
def test_what_passes_for_the_vendors_address_is_where_the_call_goes(url: str) -> None:
    for preset, host in (("openai", r"api\.openai\.com"), ("azure", r"[^/]*\.openai\.azure\.com")):
        if is_own(PRESETS[preset], url):
            there = URL(url.rstrip("/") + "/chat/completions")
            assert re.fullmatch(host, there.host or "")
            assert (there.scheme, there.port) == ("https", 443)


def build(environ: Mapping[str, str], preset: str, **settings: Any) -> HTTPBackend:
    return http_backend("up", ProviderSettings(preset, **settings), PRESETS[preset], TimeoutSettings(), environ, Redactor())


def test_a_provider_that_cannot_be_placed_says_what_would_place_it() -> None:
    with pytest.raises(ConfigError, match=r"Set AWS_REGION, or providers.up.base_url"):
        build({}, "bedrock")
    with pytest.raises(ConfigError, match=r"Set AZURE_OPENAI_ENDPOINT, or providers.up.base_url"):
        build({}, "azure")
    with pytest.raises(ConfigError, match=r'Set providers\.up\.api_key = "command:gcloud auth print-access-token"'):
        build({"GOOGLE_CLOUD_PROJECT": "p"}, "vertex")
    with pytest.raises(ConfigError, match=r"Set providers.up.base_url, such as"):
        build({}, "openai-compatible")


# Keys


async def test_a_vendors_own_variable_does_not_go_to_another_host() -> None:
    with pytest.raises(ConfigError, match=r"OPENAI_API_KEY belongs elsewhere than gateway.example, and is not sent there unasked"):
        build({"OPENAI_API_KEY": KEY}, "openai", base_url="https://gateway.example/v1")
    asked = build({"OPENAI_API_KEY": KEY}, "openai", base_url="https://gateway.example/v1", api_key="env:OPENAI_API_KEY")
    assert (await asked._credentials.key())[1] == KEY
    none = build({"OPENAI_API_KEY": KEY}, "openai", base_url="https://gateway.example/v1", api_key="")
    assert (await none._credentials.key())[1] is None


@pytest.mark.parametrize("preset", ["openai", "ollama", "anthropic"])
async def test_nor_to_another_server_of_this_machine(preset: str, upstream: RawUpstream) -> None:
    upstream.will(json_reply(ANSWERS[PRESETS[preset].format or ""]))
    backend = build(dict.fromkeys(PRESETS[preset].key_variables, KEY), preset, base_url=upstream.url)
    await collected(await backend.send(evolve(ASKED, model="m"), Losses()))
    await backend.aclose()
    assert KEY not in str(upstream.heard[0].headers)


def test_a_key_that_is_named_twice_is_one() -> None:
    backend = build({}, "openai", api_key=["env:A", "env:B", "env:A"])
    assert [secret.source for secret in backend._credentials.secrets] == [EnvironmentKey(("A",)), EnvironmentKey(("B",))]


# What else a provider wants


async def test_headers_queries_and_members_of_the_user(upstream: RawUpstream) -> None:
    upstream.will(json_reply(CHAT_BODY))
    backend = build(
        {"SECRET": KEY},
        "openai-compatible",
        base_url=f"{upstream.url}/v1",
        headers={"X-Team": "blue", "X-Auth": "env:SECRET"},
        query={"version": "2"},
        body={"seed": 1, "extra": {"a": [1]}},
    )
    await collected(await backend.send(evolve(ASKED, model="m"), Losses()))
    await backend.aclose()
    (heard,) = upstream.heard
    assert heard.path == "/v1/chat/completions?version=2"
    assert (heard.headers["x-team"], heard.headers["x-auth"]) == ("blue", KEY)
    assert (heard.json["seed"], heard.json["extra"]) == (7, {"a": [1]})


async def test_a_secret_that_stands_in_a_header_is_kept_out_of_errors(upstream: RawUpstream) -> None:
    upstream.will(json_reply({"error": {"message": "dXNlcjpwYXNzd29yZA is no user of ours"}}, 403))
    backend = build({}, "openai-compatible", base_url=upstream.url, headers={"Authorization": "Basic dXNlcjpwYXNzd29yZA"})
    with pytest.raises(UpstreamError, match=r"\[redacted\] is no user"):
        await backend.send(evolve(ASKED, model="m"), Losses())
    await backend.aclose()
    assert upstream.heard[0].headers["authorization"] == "Basic dXNlcjpwYXNzd29yZA"


async def test_a_header_whose_secret_is_missing_stops_the_request(upstream: RawUpstream) -> None:
    backend = build({}, "openai-compatible", base_url=upstream.url, headers={"X-Auth": "env:SECRET"})
    with pytest.raises(UpstreamError, match="set the environment variable SECRET"):
        await backend.send(evolve(ASKED, model="m"), Losses())
    assert not upstream.heard


@pytest.mark.parametrize(("model", "path"), [("a/b", "a%2Fb"), ("../../evil", "..%2F..%2Fevil"), ("x?y#z", "x%3Fy%23z"), ("é", "%C3%A9")])
async def test_a_models_name_stays_one_step_of_the_path(model: str, path: str, upstream: RawUpstream) -> None:
    upstream.will(json_reply(CHAT_BODY))
    backend = build({}, "azure-deployments", base_url=upstream.url, api_key=KEY)
    await collected(await backend.send(evolve(ASKED, model=model), Losses()))
    await backend.aclose()
    assert upstream.heard[0].path == f"/openai/deployments/{path}/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize("model", [".", ".."])
async def test_a_model_that_would_walk_up_the_path_is_refused(model: str, upstream: RawUpstream) -> None:
    backend = build({}, "azure-deployments", base_url=upstream.url, api_key=KEY)
    with pytest.raises(Exception, match="cannot be part of an address"):
        await backend.relay(HTTPCall("POST", "/chat/completions", b'{"model": "%s", "messages": []}' % model.encode()), False)
    assert not upstream.heard


async def test_who_has_no_list_of_models_lists_what_is_configured() -> None:
    listed = await build({"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}, "azure", models=("mine",)).models()
    assert [model.id for model in listed] == ["mine"]
    assert [model.id for model in await build({"GOOGLE_CLOUD_PROJECT": "p"}, "vertex", api_key=KEY).models()] == list(
        PRESETS["vertex"].default_models
    )
    with pytest.raises(UpstreamError, match=r"name them under providers\.up\.models"):
        await build({"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}, "azure").models()


def test_rows_say_where_they_are_documented() -> None:
    for preset in PRESETS.values():
        assert isinstance(preset, Preset)
        assert preset.docs.startswith("https://") or preset.name in ("openai-compatible", "echo")
