"""Gemini's generateContent: `POST /models/{model}:generateContent` and its siblings, below a base URL that ends in the API's version."""

from ccproxy_cli.core.estimate import Weights
from ccproxy_cli.core.formats._format import Format
from ccproxy_cli.core.formats.gemini.adaptation import stops_taken
from ccproxy_cli.core.formats.gemini.catalog import (
    decode_count,
    decode_models,
    encode_count,
    encode_model,
    encode_models,
    models_call,
)
from ccproxy_cli.core.formats.gemini.envelope import peek
from ccproxy_cli.core.formats.gemini.errors import decode_error, encode_error, encode_stream_error
from ccproxy_cli.core.formats.gemini.names import fit_name
from ccproxy_cli.core.formats.gemini.outline import outline
from ccproxy_cli.core.formats.gemini.parts import STAND_IN
from ccproxy_cli.core.formats.gemini.quirks import learn
from ccproxy_cli.core.formats.gemini.request_decoder import decode_count_request, decode_request
from ccproxy_cli.core.formats.gemini.request_encoder import encode_count_request, encode_request
from ccproxy_cli.core.formats.gemini.response_decoder import decode_response
from ccproxy_cli.core.formats.gemini.response_encoder import encode_response
from ccproxy_cli.core.formats.gemini.sameness import SAMENESS
from ccproxy_cli.core.formats.gemini.stream_decoder import StreamDecoder
from ccproxy_cli.core.formats.gemini.stream_encoder import PING, StreamEncoder
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.parts import ProofKind
from ccproxy_cli.core.seal import ProofSlot

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
    stream_decoder=StreamDecoder,
    stream_encoder=StreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    # To the JavaScript SDK such a frame is a chunk without candidates, and the answer ends as if whole (@google/genai 1.52, seen 2026-11).
    breaks_off=True,
    ping=PING,
    models_call=models_call,
    decode_models=decode_models,
    encode_models=encode_models,
    encode_model=encode_model,
    decode_count_request=decode_count_request,
    encode_count_request=encode_count_request,
    decode_count=decode_count,
    encode_count=encode_count,
    model_in_body=("modelVersion",),
    model_in_frame=("modelVersion",),
    fit_tool_name=fit_name,
    stops_taken=stops_taken,
    learn=learn,
    # Gemini CLI leaves the thoughts out of the history it sends, and hands back the signatures of its calls (seen 2026-11).
    weights=Weights(message=1, tool=4, shape_is_shown=False),
    proof_slot=ProofSlot(ProofKind.SIGNATURE, on_words=True, thoughts_return=False, stand_in=STAND_IN),
)

__all__ = ["FORMAT", "StreamDecoder"]
