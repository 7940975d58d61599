"""OpenAI Responses: `POST /v1/responses`, its event stream, its errors, its model list and its token counter."""

from ccproxy_cli.core.formats._format import Format
from ccproxy_cli.core.formats._openai.catalog import ModelLists, models_call
from ccproxy_cli.core.formats._openai.rates import decode_rates, encode_rates
from ccproxy_cli.core.formats.openai_responses.bend import stops_taken
from ccproxy_cli.core.formats.openai_responses.counting import decode_count, encode_count
from ccproxy_cli.core.formats.openai_responses.decoder import ResponsesStreamDecoder
from ccproxy_cli.core.formats.openai_responses.encoder import ResponsesStreamEncoder
from ccproxy_cli.core.formats.openai_responses.envelope import peek
from ccproxy_cli.core.formats.openai_responses.errors import decode_error, encode_error, encode_stream_error
from ccproxy_cli.core.formats.openai_responses.keeping import ResponsesKeeping
from ccproxy_cli.core.formats.openai_responses.outline import outline
from ccproxy_cli.core.formats.openai_responses.quirks import learn
from ccproxy_cli.core.formats.openai_responses.request import (
    decode_count_request,
    decode_request,
    encode_count_request,
    encode_request,
    fit_tool_name,
)
from ccproxy_cli.core.formats.openai_responses.response import decode_response, encode_response
from ccproxy_cli.core.formats.openai_responses.sameness import SAMENESS
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.framing import encode_comment
from ccproxy_cli.core.parts import ProofKind
from ccproxy_cli.core.seal import ProofSlot

_LISTS = ModelLists(NAME)

FORMAT = Format(
    name=NAME,
    ordered=True,
    peek=peek,
    sameness=SAMENESS,
    outline=outline,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    stream_decoder=ResponsesStreamDecoder,
    stream_encoder=ResponsesStreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    ping=encode_comment(b"ping"),
    models_call=models_call,
    decode_models=_LISTS.decode,
    encode_models=_LISTS.encode,
    encode_model=_LISTS.encode_one,
    decode_count_request=decode_count_request,
    encode_count_request=encode_count_request,
    decode_count=decode_count,
    encode_count=encode_count,
    model_in_frame=("response", "model"),
    fit_tool_name=fit_tool_name,
    stops_taken=stops_taken,
    encode_rates=encode_rates,
    decode_rates=decode_rates,
    proof_slot=ProofSlot(ProofKind.SEALED),
    keeping=ResponsesKeeping(),
    learn=learn,
)

__all__ = ["FORMAT"]
