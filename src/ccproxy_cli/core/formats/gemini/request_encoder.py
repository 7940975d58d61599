"""A request of the vocabulary to the vendor's call.

What came in this format is written as it was, whatever the target's profile says: the client chose its words for this vendor. What
came in another format is first adapted to the vendor's rules and the target's abilities.
"""

from collections.abc import Mapping

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.adaptation import adapt
from ccproxy_cli.core.formats.gemini.envelope import COUNT, GENERATE, STREAM, path_of
from ccproxy_cli.core.formats.gemini.finish import TIER_WORDS
from ccproxy_cli.core.formats.gemini.generation import encode_generation
from ccproxy_cli.core.formats.gemini.parts import encode_part
from ccproxy_cli.core.formats.gemini.tools import encode_choice, encode_tools
from ccproxy_cli.core.http import JSON_HEADERS, HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.leaving_out import leave_out
from ccproxy_cli.core.parts import Part
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role


def encode_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """The request as a call below a base URL that ends in the API's version.

    Raises:
        BadRequest: the vendor has no way to say it.
    """
    body = _body(request, profile, losses)
    if request.stream:
        return HTTPCall("POST", path_of(request.model, STREAM), dumps(body), JSON_HEADERS, "alt=sse")
    return HTTPCall("POST", path_of(request.model, GENERATE), dumps(body), JSON_HEADERS)


def encode_count_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """A call of the token counter. Raises as `encode_request` does."""
    body = _body(request, profile, losses)
    if spelling.said(request.extras, spelling.WHOLE) or (not spelling.is_own(request.extras) and body.keys() != {"contents"}):
        # The counter knows nothing but contents at its top level; a whole request has to name its model again.
        body = {"generateContentRequest": body if "model" in body else {"model": path_of(request.model, "")[1:-1], **body}}
    return HTTPCall("POST", path_of(request.model, COUNT), dumps(body), JSON_HEADERS)


def _body(request: Request, profile: Profile, losses: Losses) -> dict[str, JSON]:
    own = spelling.is_own(request.extras)
    if not own:
        try:
            request = adapt(request, profile, losses)
        except RecursionError as error:
            raise BadRequest("the request is nested too deeply") from error
    notes = spelling.members_of(request.extras)
    contents = [_content(message, f"contents[{index}]", losses) for index, message in enumerate(request.messages)]
    body: dict[str, JSON] = {"contents": contents[0] if spelling.ONE in notes and len(contents) == 1 else contents}
    if request.instructions or spelling.SYSTEM in notes:
        body["systemInstruction"] = _system(request, losses)
    if request.tools is not None:
        body["tools"] = encode_tools(request.tools, notes)
    choice = encode_choice(request.tool_choice, notes)
    if choice is not None:
        body["toolConfig"] = choice
    generation = encode_generation(request)
    if generation is not None:
        body["generationConfig"] = generation
    if spelling.TIER in notes:
        body |= notes[spelling.TIER]
    elif request.service_tier is not None:
        body["serviceTier"] = TIER_WORDS[request.service_tier]
    if spelling.MODEL in notes:
        body["model"] = f"models/{request.model}" if str(notes[spelling.MODEL]).startswith("models/") else request.model
    if profile.without and not own:
        leave_out(body, profile.without, losses)
    return spelling.complete(body, notes, "generationConfig", "toolConfig")


def _system(request: Request, losses: Losses) -> dict[str, JSON]:
    notes = spelling.members_of(request.extras).get(spelling.SYSTEM, {})
    return _with_parts({}, request.instructions, notes, "systemInstruction", losses)


def _content(message: Message, path: str, losses: Losses) -> dict[str, JSON]:
    notes = spelling.members_of(message.extras)
    content: dict[str, JSON] = {}
    if spelling.NO_ROLE not in notes:
        content["role"] = notes.get(spelling.ROLE, "model" if message.role is Role.ASSISTANT else "user")
    return _with_parts(content, message.parts, notes, path, losses)


def _with_parts(content: dict[str, JSON], parts: tuple[Part, ...], notes: Mapping[str, JSON], path: str, losses: Losses) -> dict[str, JSON]:
    written: list[JSON] = []
    for index, part in enumerate(parts):
        where = f"{path}.parts[{index}]"
        wire = encode_part(part, where)
        if wire is None:
            losses.add(where, "only another vendor can read it")
        else:
            written.append(wire)
    if spelling.ONE in notes and len(written) == 1:
        content["parts"] = written[0]
    elif written or spelling.NO_PARTS not in notes:
        content["parts"] = written
    return spelling.complete(content, notes)
