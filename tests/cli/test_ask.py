"""`ask` as scripts and people use it."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import ONLY_ECHO, PROGRAM, Cli, Upstream

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def test_the_answer_goes_to_the_pipe_and_nothing_else(cli: Cli) -> None:
    ran = cli("ask", "-m", "echo", "hello", "world")
    assert (ran.code, ran.out, ran.err) == (0, "hello world\n", "")


def test_no_stream_says_the_same(cli: Cli) -> None:
    assert cli("ask", "-m", "echo", "--no-stream", "hello").out == "hello\n"


def test_piped_text_comes_before_the_prompt(cli: Cli) -> None:
    assert cli("ask", "-m", "echo", "what is this?", stdin="línea\n".encode()).out == "línea\n\nwhat is this?\n"
    assert cli("ask", "-m", "echo", stdin=b"alone\n\n").out == "alone\n"
    assert cli("ask", "-m", "echo", stdin=b"\xff bad").out == "\N{REPLACEMENT CHARACTER} bad\n"


def test_without_a_model_the_first_provider_answers(cli: Cli) -> None:
    assert cli("ask", "--json", "hi").envelope["data"]["model"] == "echo/echo"
    assert cli("ask", "--json", "hi", CCPROXY_DEFAULT_MODEL="echo").envelope["data"]["model"] == "echo/echo"


def test_files_and_images_are_shown(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("remember the milk")
    (tmp_path / "dot").write_bytes(PNG)
    ran = cli("ask", "-m", "echo", "-f", str(tmp_path / "notes.md"), "-a", str(tmp_path / "dot"), "-a", "https://x.org/a.png", "look")
    image, *rest = ran.out.splitlines()
    assert image.startswith("[image: image/png, ")
    assert rest == ["[image: https://x.org/a.png]", "remember the milk", "look"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "nothing to ask"),
        (("   ",), "nothing to ask"),
        (("-f", "nowhere.txt", "hi"), "--file: nowhere.txt: No such file or directory"),
        (("-a", "nowhere.png", "hi"), "--attach: nowhere.png: No such file or directory"),
        (("-a", "text.txt", "hi"), "neither a PNG, JPEG, GIF or WebP image nor a PDF"),
        (("-f", "bytes.bin", "hi"), "neither UTF-8 text nor an image or PDF"),
        (("--schema", "{", "hi"), "the schema is not JSON"),
        (("--schema", "age intt", "hi"), "cannot read 'age intt'"),
        (("--schema", " ", "hi"), "the schema is empty"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(arguments: tuple[str, ...], complaint: str, cli: Cli) -> None:
    (cli.folder / "text.txt").write_text("text")
    (cli.folder / "bytes.bin").write_bytes(b"\xff\xfe\x00")
    ran = cli("ask", "-m", "echo", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "schema", ["name, age int", "file", '{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}']
)
def test_an_answer_in_the_shape_of_a_schema(schema: str, cli: Cli) -> None:
    if schema == "file":
        schema = "person.json"
        (cli.folder / schema).write_text(
            '{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}'
        )
    answer = json.loads(cli("ask", "-m", "echo", "--schema", schema, "Invent a person").out)
    assert {name: type(value) for name, value in answer.items()} == {"name": str, "age": int}


def test_the_usage_stands_on_standard_error(cli: Cli) -> None:
    ran = cli("ask", "-m", "echo", "--usage", "hello")
    assert ran.out == "hello\n"
    assert ran.err.startswith("tokens: ")
    assert "echo/echo" in ran.err


def test_an_answer_cut_short_is_noted(cli: Cli) -> None:
    ran = cli("ask", "-m", "echo", "--max-tokens", "2", "one two three")
    assert (ran.code, ran.out) == (0, "one two\n")
    assert "cut off at the token limit" in ran.err


def test_an_unknown_model_fails_on_standard_error(cli: Cli) -> None:
    ran = cli("ask", "-m", "nobody", "hi")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: model: nobody is not served here")


def test_an_upstreams_refusal_is_told_without_its_control_characters(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    upstream.status = 400
    ran = cli("ask", "hi")
    assert (ran.code, ran.out) == (1, "")
    assert "no such thing\\x1b[31m" in ran.err


def test_the_first_word_is_out_before_the_last_is_known(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    with subprocess.Popen(
        [*PROGRAM, "ask", "hi"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=dict(cli.environ), cwd=cli.folder
    ) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 100) == b"Wait "
        upstream.go.set()
        assert process.stdout.read() == b"over.\n"
    assert process.returncode == 0
    assert upstream.requests[0]["messages"] == [{"role": "user", "content": "hi"}]


def test_a_filtered_answer_is_a_failure(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    upstream.finish = "content_filter"
    upstream.go.set()
    ran = cli("ask", "hi")
    assert (ran.code, ran.out) == (1, "Wait over.\n")
    assert "a filter cut the answer off" in ran.err


def test_ctrl_c_ends_it_with_130(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    with subprocess.Popen(
        [*PROGRAM, "ask", "hi"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(cli.environ),
        cwd=cli.folder,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert os.read(process.stdout.fileno(), 100) == b"Wait "
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == b""


def test_nobody_reads_the_pipe_and_nobody_hears_of_it(cli: Cli) -> None:
    long = "word " * 50_000
    command = f"{sys.executable} -m ccproxy_cli ask -m echo | head -c 5; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], input=long.encode(), capture_output=True, env=dict(cli.environ), cwd=cli.folder, check=True
    )
    assert done.stdout == b"word 141\n"
    assert done.stderr == b""


def terminal(cli: Cli, *arguments: str, columns: int = 60) -> "pexpect.spawn[str]":
    environ = {**cli.environ, "NO_COLOR": "1"}
    return pexpect.spawn(
        PROGRAM[0], [*PROGRAM[1:], *arguments], env=environ, cwd=str(cli.folder), dimensions=(20, columns), encoding="utf-8", timeout=20
    )


def test_on_a_terminal_markdown_is_drawn(cli: Cli) -> None:
    child = terminal(cli, "ask", "-m", "echo", "# Title\n\nsome **bold** words\n\n- one\n- two\n")
    screen = child.read()
    child.close()
    assert child.exitstatus == 0
    assert "Title" in screen
    assert "# Title" not in screen.split("some")[-1]
    assert "**bold**" not in screen
    assert re.search(r"• \S*one", screen)


def test_on_a_terminal_the_models_control_characters_are_harmless(cli: Cli) -> None:
    child = terminal(cli, "ask", "-m", "echo", "red \x1b]0;title\x07 end")
    screen = child.read()
    child.close()
    assert "\x1b]0;" not in screen
    assert "\\x1b]0;title\\x07" in screen


def test_on_a_terminal_ctrl_c_ends_it_with_130(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    child = terminal(cli, "ask", "hi")
    child.expect("Wait")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in child.before


def test_on_a_terminal_the_wait_is_shown_and_wiped(cli: Cli, upstream: Upstream) -> None:
    upstream.first, upstream.rest = "", "done."
    cli.configure(upstream.config)
    child = terminal(cli, "ask", "hi")
    child.expect("waiting for up/m")
    upstream.go.set()
    child.expect("done")
    child.expect(pexpect.EOF)
    assert child.before is not None
    assert "waiting" not in child.before
    child.close()
    assert child.exitstatus == 0


def test_in_a_pipe_nothing_is_shown_of_the_wait(cli: Cli, upstream: Upstream) -> None:
    upstream.go.set()
    cli.configure(upstream.config)
    ran = cli("ask", "hi")
    assert (ran.out, ran.err) == ("Wait over.\n", "")


def test_the_next_target_of_a_chain_is_asked_when_the_first_fails(cli: Cli, upstream: Upstream) -> None:
    upstream.status = 500
    cli.configure(upstream.config + ONLY_ECHO + '[models]\n"either" = ["up/m", "echo/echo"]\n')
    ran = cli("ask", "-m", "either", "--json", "hello")
    assert (ran.envelope["data"]["text"], ran.envelope["data"]["model"]) == ("hello", "echo/echo")
    assert len(upstream.requests) == 1
