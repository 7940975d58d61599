"""What is left of a request when it is over: its line in the log."""

from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.server.visit import Visit


def test_the_line_names_what_was_lost_of_question_and_answer() -> None:
    visit = Visit("req_1", FORMATS["anthropic"], "POST", "/v1/messages", {}, None, None)
    assert visit.line().losses is None
    visit.exchange = Exchange("req_1", FORMATS["anthropic"], HTTPCall("POST", "/v1/messages"))
    assert visit.line().losses is None
    visit.exchange.losses.add("top_k", "it has none")
    visit.exchange.losses.add("answer.citations", "it has no words for them")
    assert visit.line().losses == "top_k,answer.citations"
