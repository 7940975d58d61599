"""Which call a result answers. Calls and results may come without ids, and then belong together by order and name."""

from attrs import define, field

from ccproxy_cli.core.ids import digest_id


@define
class _Call:
    id: str
    name: str
    own: bool
    """The id is the client's."""


@define
class Pairing:
    """Names the calls of one conversation, read from front to back. The same history gets the same ids however it goes on."""

    _open: list[_Call] = field(factory=list)
    """Calls without a result yet."""
    _calls: int = 0
    _orphans: int = 0
    _answering: bool = False

    def start_turn(self, model: bool) -> None:
        """The next content begins: a model's first content after a user's leaves the calls before it for good."""
        if model and self._answering:
            self._open.clear()
        self._answering = not model

    def call(self, given: str | None, name: str) -> str:
        """The id of the next call."""
        self._calls += 1
        call_id = given or f"call_{digest_id(f'gemini call {self._calls} {name}')}"
        self._open.append(_Call(call_id, name, given is not None))
        return call_id

    def result(self, given: str | None, name: str) -> str:
        """The id of the call that the next result answers."""
        found = next((call for call in self._open if given is not None and call.own and call.id == given), None)
        found = found or next((call for call in self._open if call.name == name), None)
        if found is not None:
            self._open.remove(found)
            return found.id
        self._orphans += 1
        return given or f"call_{digest_id(f'gemini result {self._orphans} {name}')}"


@define
class AnswerIds:
    """Names the calls of one answer that have no ids: by the answer's own id and their order in it."""

    _response_id: str
    _calls: int = 0

    def call(self, given: str | None, name: str) -> str:
        self._calls += 1
        return given or f"call_{digest_id(f'gemini answer {self._response_id} {self._calls} {name}')}"

    def result(self, given: str | None, name: str) -> str:
        """A function response in an answer, which no vendor sends."""
        return given or self.call(None, name)
