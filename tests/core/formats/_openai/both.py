"""Runs a test once for each of the vendor's formats."""

import pytest

from ccproxy_cli.core.formats import FORMATS

BOTH = pytest.mark.parametrize("format_", [FORMATS["openai-chat"], FORMATS["openai-responses"]], ids=lambda format_: format_.name)
