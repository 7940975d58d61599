"""Anthropic Messages: `POST /v1/messages`, its event stream, its errors, its model list and its token counter."""

from functools import partial

from ccproxy_cli.core.estimate import Weights
from ccproxy_cli.core.formats._format import Format
from ccproxy_cli.core.formats.anthropic.adaptation import stops_taken
from ccproxy_cli.core.formats.anthropic.catalog import (
    decode_count,
    decode_models,
    encode_count,
    encode_model,
    encode_models,
    models_call,
)
from ccproxy_cli.core.formats.anthropic.envelope import check, peek
from ccproxy_cli.core.formats.anthropic.errors import decode_error, encode_error, encode_stream_error
from ccproxy_cli.core.formats.anthropic.outline import outline
from ccproxy_cli.core.formats.anthropic.quirks import learn
from ccproxy_cli.core.formats.anthropic.rates import decode_rates, encode_rates
from ccproxy_cli.core.formats.anthropic.receipt import read_receipt
from ccproxy_cli.core.formats.anthropic.request_decoder import decode_count_request, decode_request
from ccproxy_cli.core.formats.anthropic.request_encoder import encode_count_request, encode_request
from ccproxy_cli.core.formats.anthropic.response import decode_response, encode_response
from ccproxy_cli.core.formats.anthropic.sameness import SAMENESS
from ccproxy_cli.core.formats.anthropic.stream_decoder import StreamDecoder
from ccproxy_cli.core.formats.anthropic.stream_encoder import PING, StreamEncoder
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.names import fit_name
from ccproxy_cli.core.parts import ProofKind
from ccproxy_cli.core.seal import ProofSlot

FORMAT = Format(
    name=NAME,
    ordered=True,
    peek=peek,
    sameness=SAMENESS,
    check=check,
    outline=outline,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    read_receipt=read_receipt,
    encode_response=encode_response,
    stream_decoder=StreamDecoder,
    stream_encoder=StreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    ping=PING,
    models_call=models_call,
    decode_models=decode_models,
    encode_models=encode_models,
    encode_model=encode_model,
    decode_count_request=decode_count_request,
    encode_count_request=encode_count_request,
    decode_count=decode_count,
    encode_count=encode_count,
    model_in_frame=("message", "model"),
    fit_tool_name=partial(fit_name, limit=128),
    stops_taken=stops_taken,
    encode_rates=encode_rates,
    decode_rates=decode_rates,
    weights=Weights(tools=480, shape=150),
    # `claude -p` prints the last block of an answer, if that is text, and else nothing (2.1.197 and 2.1.329, seen 2026-11-20).
    proof_slot=ProofSlot(ProofKind.SIGNATURE, may_end=False),
    learn=learn,
)

__all__ = ["FORMAT", "StreamDecoder"]
