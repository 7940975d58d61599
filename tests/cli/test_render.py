"""How results are shown to people and to programs."""

import json

import pytest

from ccproxy_cli.cli.render import plain_table, printable, show
from ccproxy_cli.cli.result import Cell, Failure, Result, Table

OOPS = Failure("oops", "it broke", "Mend it.")


@pytest.mark.parametrize(
    ("result", "status", "code"),
    [
        (Result("x"), "success", 0),
        (Result("x", {"a": 1}), "success", 0),
        (Result("x", errors=(OOPS,)), "error", 1),
        (Result("x", {"a": 1}, errors=(OOPS,)), "partial", 1),
        (Result("x", errors=(OOPS,), code=2), "error", 2),
        (Result("x", code=1), "error", 1),
    ],
)
def test_status_and_exit_code_follow_from_the_rest(result: Result, status: str, code: int) -> None:
    assert (result.status, result.exit_code) == (status, code)


def test_the_answer_and_the_remarks_go_apart(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        Result("x", view=("line", Cell("cell", "good"), Table(("A", "B"), (("1", "22"),))), messages=("note",), errors=(OOPS,)),
        as_json=False,
    )
    captured = capsys.readouterr()
    assert captured.out == "line\ncell\nA  B\n1  22\n"
    assert captured.err == "note\nerror: it broke. Mend it.\n"


def test_errors_that_the_answer_tells_are_not_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result("x", view=("it broke",), errors=(OOPS,), told=True), as_json=False)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("it broke\n", "")


def test_programs_get_one_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result("x", {"é": "\n"}, ("unseen",), ("note",), (OOPS,)), as_json=True)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 1
    assert json.loads(captured.out) == {
        "schema": 1,
        "command": "x",
        "status": "partial",
        "data": {"é": "\n"},
        "messages": ["note"],
        "errors": [{"code": "oops", "message": "it broke", "fix": "Mend it."}],
        "exit_code": 1,
    }


def test_tables_for_pipes_are_aligned_and_never_cut() -> None:
    long = "x" * 300
    assert plain_table(Table(("NAME", "N"), (("a", "1"), (Cell(long, "bad"), "")), title="T")) == [
        "T",
        f"{'NAME':<300}  N",
        f"{'a':<300}  1",
        long,
    ]
    assert plain_table(Table(("", ""), (("a", "b"),))) == ["a  b"]


def test_nothing_from_outside_drives_the_terminal() -> None:
    assert printable("a\x1b[2J\x07\x9b\r\n\tb") == "a\\x1b[2J\\x07\\x9b\\x0d\n\tb"
