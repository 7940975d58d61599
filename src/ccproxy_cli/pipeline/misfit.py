"""Relayed requests that were written for another model.

A route may lead a client to a model it has never heard of. What the client says then suits the model it asked for, and a vendor of its own
format refuses what this one does not take: `max_tokens` of a reasoning model, say. Translated, the request can be bent to the model.
"""

import re

from ccproxy_cli.core.errors import APIError, ErrorKind

_WORDS = re.compile(
    "|".join(
        (
            r"unsupported (parameter|value)",  # OpenAI, recorded answers, 2026
            r"(not supported|not available) (with|by|for|on|in) this model",  # OpenAI, Anthropic, recorded answers, 2026
            r"(does not|doesn't) support",  # all, recorded answers, 2026
            r"extra inputs are not permitted",  # Anthropic, API errors in public issues, 2025
            r"\w+: \d+ > \d+, which is the maximum allowed",  # Anthropic on `max_tokens`, API errors in public issues, 2025
            r"unrecognized request argument|unknown parameter",  # OpenAI and its like, API errors in public issues, 2024 to 2026
            r"thinking is not enabled|thinking level|thinking budget",  # Gemini, API errors in public issues, 2026
        )
    ),
    re.IGNORECASE,
)


def suits_another_model(error: APIError) -> bool:
    """Whether a refusal says that the model does not take something that others do."""
    return error.kind is ErrorKind.INVALID_REQUEST and error.http_status == 400 and _WORDS.search(error.message) is not None
