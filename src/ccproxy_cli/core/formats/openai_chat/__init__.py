"""OpenAI Chat Completions, and the many servers that copy it."""

from functools import partial

from ccproxy_cli.core.formats._format import Format
from ccproxy_cli.core.formats._openai.catalog import ModelLists, models_call
from ccproxy_cli.core.formats._openai.rates import decode_rates, encode_rates
from ccproxy_cli.core.formats.openai_chat.bend import stops_taken
from ccproxy_cli.core.formats.openai_chat.decoder import ChatStreamDecoder
from ccproxy_cli.core.formats.openai_chat.encoder import ChatStreamEncoder
from ccproxy_cli.core.formats.openai_chat.envelope import check, peek
from ccproxy_cli.core.formats.openai_chat.errors import decode_error, encode_error, encode_stream_error
from ccproxy_cli.core.formats.openai_chat.outline import outline
from ccproxy_cli.core.formats.openai_chat.quirks import learn
from ccproxy_cli.core.formats.openai_chat.receipt import read_receipt
from ccproxy_cli.core.formats.openai_chat.request import decode_request, encode_request
from ccproxy_cli.core.formats.openai_chat.response import decode_response, encode_response
from ccproxy_cli.core.formats.openai_chat.sameness import SAMENESS
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.framing import encode_comment
from ccproxy_cli.core.names import fit_name

_LISTS = ModelLists(NAME)

FORMAT = Format(
    name=NAME,
    ordered=False,
    peek=peek,
    sameness=SAMENESS,
    check=check,
    outline=outline,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    read_receipt=read_receipt,
    encode_response=encode_response,
    stream_decoder=ChatStreamDecoder,
    stream_encoder=ChatStreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    ping=encode_comment(b"ping"),
    models_call=models_call,
    decode_models=_LISTS.decode,
    encode_models=_LISTS.encode,
    encode_model=_LISTS.encode_one,
    stops_taken=stops_taken,
    encode_rates=encode_rates,
    decode_rates=decode_rates,
    fit_tool_name=partial(fit_name, limit=64),
    learn=learn,
)

__all__ = ["FORMAT"]
