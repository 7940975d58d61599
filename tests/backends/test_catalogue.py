"""What is known of well-known models, and what an answer costs by it."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.backends.catalogue import ROWS, described, known_of, plain_name, price_of
from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.backends.provider import http_backend
from ccproxy_cli.config.settings import ProviderSettings, TimeoutSettings
from ccproxy_cli.core.catalog import ModelInfo, Price
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.response import Usage
from ccproxy_cli.observe.redact import Redactor
from tests.raw_upstream import RawUpstream, json_reply

COUNTS = st.integers(0, 2_000_000) | st.none()
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4.1", "gpt-4.1"),
        ("gpt-4-0613", "gpt-4"),
        ("models/gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("o4-mini", "o4-mini"),
    ],
)
def test_a_days_model_goes_by_its_plain_name(model: str, plain: str) -> None:
    assert plain_name(model) == plain


def test_every_row_has_a_source_and_a_name_of_its_own() -> None:
    names = [(preset, name) for row in ROWS for preset in row.presets for name in row.names]
    assert len(names) == len(set(names))
    for row in ROWS:
        assert row.source
        assert set(row.presets) <= PRESETS.keys()
        assert all(plain_name(name) == name for name in row.names)


def test_prices_are_in_order() -> None:
    for row in ROWS:
        assert row.price is not None
        for price in filter(None, (row.price, row.price.long)):
            assert 0 < (price.cache_read or price.input) <= price.input <= (price.cache_write or price.input) <= price.output
        if row.price.long is not None:
            assert row.price.input < row.price.long.input


def test_a_model_costs_what_its_own_vendor_asks() -> None:
    assert price_of("anthropic", "claude-sonnet-4-5-20250929") == Price(3, 15, 0.3, 3.75)
    assert price_of("openrouter", "claude-sonnet-4-5") is None
    assert price_of("anthropic", "claude-next") is None


def test_each_kind_of_token_has_its_price() -> None:
    price = Price(3, 15, 0.3, 3.75)
    assert price.cost(Usage(input=1_000_000, cache_read=2_000_000, cache_write=4_000_000, output=100_000)) == pytest.approx(
        3 + 0.6 + 15 + 1.5
    )
    assert Price(3, 15).cost(Usage(cache_read=1_000_000, cache_write=1_000_000)) == pytest.approx(6)
    assert price.cost(Usage()) == 0


def test_a_long_prompt_has_its_own_price() -> None:
    price = Price(1, 2, above=100, long=Price(10, 20))
    assert price.cost(Usage(input=60, cache_read=40, output=1_000_000)) == pytest.approx(2, abs=0.001)
    assert price.cost(Usage(input=60, cache_read=41, output=1_000_000)) == pytest.approx(20, abs=0.01)


@given(st.sampled_from([row.price for row in ROWS if row.price]), USAGES, USAGES)
@settings(max_examples=100)
def test_more_tokens_never_cost_less(price: Price, one: Usage, other: Usage) -> None:
    both = Usage(
        *(
            (a or 0) + (b or 0)
            for a, b in zip(
                (one.input, one.cache_read, one.cache_write, one.output),
                (other.input, other.cache_read, other.cache_write, other.output),
                strict=True,
            )
        )
    )
    assert price.cost(both) >= price.cost(Usage(one.input, one.cache_read, one.cache_write, one.output)) - 1e-9


def test_a_vendors_own_words_come_first() -> None:
    listed = ModelInfo("gpt-4o", context_window=1, price=Price(1, 1))
    assert described(listed, "openai") == ModelInfo("gpt-4o", context_window=1, max_output=16_384, price=Price(1, 1))
    assert described(ModelInfo("unheard-of"), "openai") == ModelInfo("unheard-of")
    known = known_of("openai", "gpt-4o")
    assert known is not None
    assert known.context_window == 128_000


def test_openrouters_prices_are_read() -> None:
    pricing = {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003", "request": "0"}
    body = dumps(
        {"data": [{"id": "a/b", "pricing": pricing}, {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}}, {"id": "c"}]}
    )
    prices = [model.price for model in FORMATS["openai-chat"].decode_models(body)]
    assert prices == [Price(3, 15, 0.3), None, None]


@pytest.mark.parametrize(
    "pricing", [None, [], "free", {"prompt": 1, "completion": 2}, {"prompt": "x", "completion": "y"}, {"prompt": "nan"}]
)
def test_what_is_no_price_is_none(pricing: object) -> None:
    assert FORMATS["openai-chat"].decode_models(dumps({"data": [{"id": "a", "pricing": pricing}]}))[0].price is None


CLAUDE = {"thinking": {"supported": True, "types": {}}, "image_input": {"supported": True}, "structured_outputs": {"supported": False}}
ROUTED = ["tools", "reasoning", "seed", "structured_outputs"]
LISTS = [
    ("anthropic", {"type": "model", "display_name": "C", "capabilities": CLAUDE}, ("thinking", "images")),
    ("openai-chat", {"supported_parameters": ROUTED}, ("thinking", "tools", "schema")),
    ("openai-chat", {"architecture": {"input_modalities": ["text", "image", "file"]}}, ("images", "documents")),
    ("openai-chat", {"capabilities": {"completion_chat": True, "function_calling": True, "vision": False}}, ("tools",)),
    ("openai-chat", {"capabilities": ["x"], "supported_parameters": "tools", "architecture": None}, ()),
    ("openai-responses", {}, ()),
]


@pytest.mark.parametrize(("format_name", "members", "told"), LISTS)
def test_what_a_list_says_of_a_models_abilities(format_name: str, members: dict[str, object], told: tuple[str, ...]) -> None:
    (model,) = FORMATS[format_name].decode_models(dumps({"data": [{"id": "m", **members}], "has_more": False}))
    assert model.capabilities == told


def test_google_says_which_models_think() -> None:
    listed = {"models": [{"name": "models/a", "thinking": True}, {"name": "models/b"}]}
    assert [model.capabilities for model in FORMATS["gemini"].decode_models(dumps(listed))] == [("thinking",), ()]


async def test_only_the_vendor_itself_is_known(upstream: RawUpstream) -> None:
    upstream.will(json_reply({"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]}))
    backend = http_backend("up", ProviderSettings("openai", base_url=upstream.url), PRESETS["openai"], TimeoutSettings(), {}, Redactor())
    (model,) = await backend.models()
    await backend.aclose()
    assert (model.price, model.context_window) == (None, None)
