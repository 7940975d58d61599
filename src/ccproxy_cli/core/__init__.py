"""The translation library: wire formats around one neutral vocabulary. No I/O, no clock, no environment.

from ccproxy_cli.core import FORMATS, fold
"""

from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode, fold, in_order

__all__ = ["FORMATS", "Request", "Response", "explode", "fold", "in_order"]
