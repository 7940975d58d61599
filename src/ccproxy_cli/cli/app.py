"""The command line. Only declarations live here, so that `--help` costs no more than the parser itself."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

import typer

from ccproxy_cli.cli.execute import execute

Markup: TypeAlias = Literal["markdown", "rich"] | None
FANCY: Markup = "rich" if sys.stdout.isatty() else None
"""Help is drawn with Rich on a terminal alone: in a pipe plain text is easier to search and comes in half the time."""


def examples(*lines: str) -> str:
    """The end of a command's help."""
    if FANCY:
        return "\n".join(("[bold]Examples[/bold]", *(line.replace("[", r"\[") for line in lines)))
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


_ORDER = ("serve", "ask", "wrap", "doctor", "models", "usage", "test", "config")


class Commands(typer.core.TyperGroup):
    """The commands in the order people meet them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=_ORDER.index)


app = typer.Typer(
    name="ccproxy",
    cls=Commands,
    help="Any AI client to any AI backend, from one command on your own machine.",
    epilog=examples('ccproxy ask -m echo "hello"', "ccproxy serve", "ccproxy wrap -- claude"),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=FANCY,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
serving = typer.Typer(rich_markup_mode=FANCY, context_settings={"help_option_names": ["-h", "--help"]})
configuration = typer.Typer(
    help="Show what is configured and why.",
    no_args_is_help=True,
    rich_markup_mode=FANCY,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print a versioned JSON envelope.")]
Config = Annotated[str | None, typer.Option("--config", metavar="FILE", help="Configuration file: TOML, JSON or YAML.")]
Provider = Annotated[str | None, typer.Option("--provider", "-p", metavar="NAME", help="Only this provider.")]
PortOption = Annotated[
    int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="The server on this port, where several run.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from ccproxy_cli import __version__

        sys.stdout.write(f"ccproxy {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Any AI client to any AI backend, from one command on your own machine."""


@serving.callback(
    invoke_without_command=True,
    epilog=examples("ccproxy serve", "ccproxy serve --port 0", "ccproxy serve --detach", "ccproxy serve stop"),
)
def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on; default 127.0.0.1. Others need a token.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on; default 8000, 0 picks a free one.")
    ] = None,
    config: Config = None,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes to serve with; default 1.")] = 1,
    log_level: Annotated[str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    json: Json = False,
) -> None:
    """Serve your AI clients on this machine."""
    if context.invoked_subcommand is not None:
        return
    from ccproxy_cli.cli import serve as command

    options = command.Options(host, port, config, log_level, workers)
    execute("serve", lambda: command.detach(options) if detach else command.run(options, as_json=json), as_json=json)


@serving.command("stop", epilog=examples("ccproxy serve stop", "ccproxy serve stop --port 8080"))
def serve_stop(port: PortOption = None, json: Json = False) -> None:
    """Stop a running server; open streams may end first."""
    from ccproxy_cli.cli import running

    execute("serve stop", lambda: running.stop(port), as_json=json)


@serving.command("status", epilog=examples("ccproxy serve status", "ccproxy serve status --json"))
def serve_status(port: PortOption = None, json: Json = False) -> None:
    """Show the running servers; exits 1 if there is none."""
    from ccproxy_cli.cli import running

    execute("serve status", lambda: running.status(port), as_json=json)


app.add_typer(serving, name="serve")


@app.command(
    epilog=examples(
        'ccproxy ask "Why is the sky blue?"',
        'git diff | ccproxy ask -s "You review code." "What is wrong here?"',
        "ccproxy ask -m claude/sonnet -a photo.png -f notes.md 'Do they agree?'",
        "ccproxy ask --schema 'name, age int' 'Invent a person'",
    )
)
def ask(
    prompt: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", show_default=False, help="What to ask; joined with what is piped in.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="As clients name it, or provider/model.")] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", metavar="TEXT", help="System prompt.")] = None,
    template: Annotated[
        Path | None, typer.Option("--template", "-t", metavar="FILE", help="Prompt template: text with $places, YAML or TOML.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="Fill a place of it; repeatable.")] = None,
    file: Annotated[
        list[Path] | None, typer.Option("--file", "-f", metavar="FILE", help="Text file to show the model; repeatable.")
    ] = None,
    attach: Annotated[list[str] | None, typer.Option("--attach", "-a", metavar="FILE|URL", help="Image or PDF; repeatable.")] = None,
    schema: Annotated[str | None, typer.Option(metavar="SCHEMA", help="JSON Schema as a file, as JSON, or short: 'name, age int'.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, metavar="N", help="Most tokens to answer with.")] = None,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Print the answer when it is complete.")] = False,
    usage: Annotated[bool, typer.Option("--usage", help="Print the tokens used, on standard error.")] = False,
    go_on: Annotated[bool, typer.Option("--continue", "-c", help="Go on from the last question and its answer.")] = False,
    no_save: Annotated[bool, typer.Option("--no-save", help="Keep nothing of it for --continue.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Ask a model once and print its answer. Needs no server."""
    from ccproxy_cli.cli import ask as command

    options = command.Options(
        prompt=" ".join(prompt or ()),
        model=model,
        system=system,
        template=template,
        params=tuple(param or ()),
        files=tuple(file or ()),
        attachments=tuple(attach or ()),
        schema=schema,
        max_tokens=max_tokens,
        stream=not no_stream,
        usage=usage,
        continued=go_on,
        save=not no_save,
        config=config,
    )
    execute("ask", lambda: command.run(options, as_json=json), as_json=json)


@app.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "ccproxy wrap -- claude",
        "ccproxy wrap --model up/gpt-4o -- aider --message 'fix the test'",
        "eval $(ccproxy wrap --print-env sh)",
    ),
)
def wrap(
    program: Annotated[list[str] | None, typer.Argument(metavar="-- PROGRAM [ARGS]...", show_default=False, help="What to run.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="Answer every request with this model.")] = None,
    backend: Annotated[str | None, typer.Option("--backend", metavar="NAME", help="Use this provider.")] = None,
    print_env: Annotated[
        str | None, typer.Option(metavar="SHELL", help="Print the environment for sh, fish, powershell or json, and run nothing.")
    ] = None,
    config: Config = None,
) -> None:
    """Run a program that talks to a server of its own."""
    from ccproxy_cli.cli import wrap as command

    execute("wrap", lambda: command.run(tuple(program or ()), model=model, backend=backend, print_env=print_env, config=config))


@app.command(epilog=examples("ccproxy doctor", "ccproxy doctor --fix", "ccproxy doctor --json"))
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Repair what can safely be repaired.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check installation, logins, keys and configuration."""
    from ccproxy_cli.cli import doctor as command

    execute("doctor", lambda: command.run(fix=fix, config=config), as_json=json)


@app.command(epilog=examples("ccproxy models", "ccproxy models --provider claude --json"))
def models(provider: Provider = None, config: Config = None, json: Json = False) -> None:
    """List what can be asked right now."""
    from ccproxy_cli.cli import models as command

    execute("models", lambda: command.run(provider, config), as_json=json)


@app.command(epilog=examples("ccproxy usage", "ccproxy usage --days 7 --by day", "ccproxy usage --by client --json"))
def usage(
    days: Annotated[int, typer.Option(metavar="N", min=1, max=400, help="This day and those before it, by UTC; default 30.")] = 30,
    by: Annotated[Literal["model", "client", "day"], typer.Option(metavar="WHAT", help="model, client or day; default model.")] = "model",
    config: Config = None,
    json: Json = False,
) -> None:
    """Show the requests and tokens that servers have counted."""
    from ccproxy_cli.cli import usage as command

    execute("usage", lambda: command.run(days, by, config), as_json=json)


@app.command("test", epilog=examples("ccproxy test", "ccproxy test --offline", "ccproxy test --provider up --explain"))
def battery(
    provider: Provider = None,
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="Test this model instead of the default one.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Every client format against the embedded model; needs no account.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also show what could not be carried over, and what went wrong.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Try what each backend can do, and time it."""
    from ccproxy_cli.cli import test as command

    options = command.Options(provider, model, offline, explain, config)
    execute("test", lambda: command.run(options), as_json=json)


@configuration.command("show", epilog=examples("ccproxy config show", "ccproxy config show --json"))
def config_show(config: Config = None, json: Json = False) -> None:
    """Show every setting and where it came from; keys are masked."""
    from ccproxy_cli.cli import config as command

    execute("config show", lambda: command.show(config), as_json=json)


@configuration.command("path", epilog=examples("$EDITOR $(ccproxy config path)"))
def config_path(config: Config = None, json: Json = False) -> None:
    """Print the configuration file in force, or where to make one."""
    from ccproxy_cli.cli import config as command

    execute("config path", lambda: command.path(config), as_json=json)


@configuration.command(
    "explain",
    epilog=examples("ccproxy config explain claude-sonnet-4-5", "ccproxy config explain claude-sonnet-4-5 --thinking --tokens 120000"),
)
def config_explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model name, as a client would ask for it.")],
    client: Annotated[str | None, typer.Option("--client", metavar="NAME", help="As this client would ask.")] = None,
    thinking: Annotated[bool, typer.Option("--thinking", help="The model is asked to think.")] = False,
    image: Annotated[bool, typer.Option("--image", help="There is an image in the conversation.")] = False,
    web_search: Annotated[bool, typer.Option("--web-search", help="A hosted web search is among the tools.")] = False,
    background: Annotated[bool, typer.Option("--background", help="It is a small chore of an agent.")] = False,
    tokens: Annotated[int, typer.Option("--tokens", metavar="N", min=0, help="The input has so many tokens.")] = 0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show which route a model name takes and why, and what stands in when that fails."""
    from ccproxy_cli.cli import config as command

    case = command.Case(model, client, thinking, image, web_search, background, tokens)
    execute("config explain", lambda: command.explain(case, config), as_json=json)


@configuration.command("init", epilog=examples("ccproxy config init", "ccproxy config init --yes --output ccproxy.toml"))
def config_init(
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write. Default is your own configuration file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing and take what is found on this machine.")] = False,
    json: Json = False,
) -> None:
    """Write a first configuration file; asks what it cannot find out."""
    from ccproxy_cli.cli import config_init as command

    execute("config init", lambda: command.run(command.Options(output, force, yes)), as_json=json)


@configuration.command("import", epilog=examples("ccproxy config import config.json", "ccproxy config import models.yaml -o -"))
def config_import(
    file: Annotated[str, typer.Argument(metavar="FILE", help="config.json or models.yaml of another proxy.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - prints. Default is your own configuration file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write the settings of another proxy in this program's own words."""
    from ccproxy_cli.cli import config_import as command

    execute("config import", lambda: command.run(file, output=output, force=force), as_json=json)


app.add_typer(configuration, name="config")


def run() -> NoReturn:
    """Parse the command line and run the command it names."""
    name = os.path.basename(sys.argv[0])
    app(prog_name=name if name.startswith("ccproxy") else "ccproxy")
    sys.exit(0)
