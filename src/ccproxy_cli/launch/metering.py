"""Counts what a server's requests use."""

from ccproxy_cli.pipeline.ledger import Ledger
from ccproxy_cli.pipeline.standing import Standing
from ccproxy_cli.server.front import Observer
from ccproxy_cli.server.routes import Action, find
from ccproxy_cli.server.visit import Visit


def metering(ledger: Ledger, standing: Standing) -> Observer:
    """An observer that notes each request for an answer. Counting tokens and listing models cost nothing."""

    def observe(visit: Visit) -> None:
        exchange, found = visit.exchange, find(visit.path)
        if exchange is not None and found is not None and found[0].action in (Action.GENERATE, Action.ONLY_THERE):
            ledger.note(exchange, visit.outcome or exchange.outcome)
            if exchange.route is not None:
                standing.note(exchange.route.partition("/")[0])

    return observe
