"""Which headers travel with relayed bytes, and why. Whatever is not named here stays where it is: credentials, cookies, forwarding
headers and client fingerprints above all."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

UP: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "anthropic": {
            "anthropic-version": "the meaning of the body depends on it",
            "anthropic-beta": "switches on what the body uses",
            "idempotency-key": "SDKs send it so that their retries are not billed twice",
        },
        "openai-chat": {
            "openai-beta": "switches on what the body uses",
            "openai-organization": "whom to bill, for keys of several organizations",
            "openai-project": "as the organization",
            "idempotency-key": "SDKs send it so that their retries are not billed twice",
        },
        "openai-responses": {
            "openai-beta": "switches on what the body uses",
            "openai-organization": "whom to bill, for keys of several organizations",
            "openai-project": "as the organization",
            "idempotency-key": "SDKs send it so that their retries are not billed twice",
        },
        "gemini": {},
    }
)
"""Of a client's headers, those its vendor must see; by format."""

QUERY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "anthropic": {"beta": "Claude Code and the SDKs' beta methods say it beside the header"},
        "openai-chat": {},
        "openai-responses": {
            "after": "where a page of a kept answer's input begins",
            "include": "what to show of a kept answer",
            "include[]": "the same, as the vendor's SDKs write lists",
            "limit": "how long that page is",
            "order": "which end it begins at",
            "stream": "to show a kept answer as a stream",
            "starting_after": "where that stream begins",
        },
        "gemini": {"alt": "how a stream is framed", "$alt": "the same, with more to say"},
    }
)
"""Of a client's query parameters, those its vendor knows; by format. Callers also put their key there."""

DOWN: Mapping[str, str] = MappingProxyType(
    {
        "request-id": "Anthropic's id of the request, asked for by its support and read by its SDK",
        "retry-after": "when to come back",
        "retry-after-ms": "the same, finer; OpenAI's SDK prefers it",
        "x-should-retry": "overrules the SDKs' own idea of what is worth another try",
        "openai-processing-ms": "the vendor's own share of the latency",
        "openai-version": "which API version answered",
        "openai-organization": "whom it was billed to",
        "anthropic-organization-id": "whom it was billed to",
    }
)
"""Of an upstream's headers, those the client should see."""

DOWN_FAMILIES = ("anthropic-ratelimit-", "x-ratelimit-")
"""Prefixes of further ones: agents slow down by them."""

UPSTREAM_ID = "x-upstream-request-id"
"""The upstream's `x-request-id` goes down under this name, because ours has that one."""


def travelling_up(format_name: str, headers: Mapping[str, str], further: Collection[str] = ()) -> dict[str, str]:
    """The client's headers that go to its vendor. Names in lower case.

    Args:
        further: those that this provider reads besides.
    """
    allowed = UP.get(format_name, {})
    return {name: value for name, value in headers.items() if name in allowed or name in further}


def travelling_query(format_name: str, query: str) -> str:
    """The part of the client's query that goes to its vendor."""
    if not query:
        return ""
    allowed = QUERY.get(format_name, {})
    return "&".join(pair for pair in query.split("&") if pair.partition("=")[0] in allowed and pair.isascii() and pair.isprintable())


def travelling_down(headers: Mapping[str, str]) -> dict[str, str]:
    """The upstream's headers that go to the client. Names in lower case."""
    passed = {name: value for name, value in headers.items() if name in DOWN or name.startswith(DOWN_FAMILIES)}
    if "x-request-id" in headers:
        passed[UPSTREAM_ID] = headers["x-request-id"]
    return {name: value for name, value in passed.items() if value.isascii() and value.isprintable()}


def travelling_down_with_refusals(headers: Mapping[str, str]) -> dict[str, str]:
    """The same for errors, whose ids and advice on trying again are rendered in the client's format."""
    return {name: value for name, value in travelling_down(headers).items() if name.startswith(DOWN_FAMILIES)}
