"""The catalogue names tests that there are, and all that are here for its sake."""

import importlib
from types import ModuleType

import pytest

from tests.known_bugs import catalogue, test_answers, test_cut_streams, test_item_streams, test_requests, test_streams, test_thinking

HERE = (test_answers, test_cut_streams, test_item_streams, test_requests, test_streams, test_thinking)
RUNNERS = frozenset(
    {"test_an_answer_known_to_break_elsewhere", "test_a_stream_known_to_break_elsewhere", "test_a_request_known_to_break_elsewhere"}
)
"""Of the cases, each of which the catalogue names by itself."""


def names_in(module: ModuleType) -> set[str]:
    """The tests of a file, and the cases of those that have a table."""
    tests = {name for name, value in vars(module).items() if name.startswith("test_") and callable(value)}
    return tests | set(getattr(module, "CASES", ()))


def test_there_are_as_many_rows_as_reports() -> None:
    assert len(catalogue.ROWS) == 93
    assert len({row.what for row in catalogue.ROWS}) == 93


@pytest.mark.parametrize("row", catalogue.ROWS, ids=lambda row: row.what)
def test_a_row_names_tests_that_there_are(row: catalogue.Row) -> None:
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition(": ")
        assert name in names_in(importlib.import_module(f"tests.{path.replace('/', '.')}")), test


def test_every_case_belongs_to_a_row() -> None:
    named = {test.partition(": ")[2] for row in catalogue.ROWS for test in row.tests}
    assert {name for module in HERE for name in names_in(module)} - named - RUNNERS == catalogue.BESIDE
