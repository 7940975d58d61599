"""Writes the shell completions from the declared commands: `python -m ccproxy_cli.cli.completions FOLDER`.

The scripts hold everything they complete, so that the Tab key starts no Python.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

NAMES = ("ccproxy", "ccproxy-cli")
"""The same command under both its names."""

_VALUES = {
    "--by": ("model", "client", "day"),
    "--print-env": ("sh", "fish", "powershell", "json"),
    "--log-level": ("debug", "info", "warning", "error"),
}


@frozen
class Option:
    names: tuple[str, ...]
    help: str
    takes_value: bool
    is_file: bool
    values: tuple[str, ...] = ()


@frozen
class Command:
    path: tuple[str, ...]
    """Its words, without the program's name."""
    help: str
    options: tuple[Option, ...]
    subcommands: tuple["Command", ...]


def command_tree() -> Command:
    """What the command line declares."""
    import typer.main

    from ccproxy_cli.cli.app import app

    return _command(typer.main.get_command(app), ())


def _command(declared: Any, path: tuple[str, ...], parent: Any = None) -> Command:
    context = declared.make_context("ccproxy", [], parent=parent, resilient_parsing=True)
    options = tuple(_option(parameter) for parameter in declared.get_params(context) if parameter.param_type_name == "option")
    names = declared.list_commands(context) if hasattr(declared, "list_commands") else ()
    subcommands = tuple(_command(declared.get_command(context, name), (*path, name), context) for name in names)
    return Command(path, _sentence(declared.help), options, subcommands)


def _option(parameter: Any) -> Option:
    names = tuple(sorted(parameter.opts, key=lambda name: (not name.startswith("--"), name)))  # the parser keeps those of help in a set
    return Option(
        names,
        _sentence(parameter.help),
        not parameter.is_flag,
        "FILE" in (parameter.metavar or ""),
        next((_VALUES[name] for name in names if name in _VALUES), ()),
    )


def _sentence(text: str | None) -> str:
    """The first sentence, in characters that need no quoting in any shell's double or single quotes."""
    first = (text or "").strip().split("\n")[0].partition(". ")[0].rstrip(".")
    return first.translate(str.maketrans("[]:", "(),", "'\"`$\\"))


def walk(command: Command) -> Iterator[Command]:
    """The command and all below it."""
    yield command
    for subcommand in command.subcommands:
        yield from walk(subcommand)


def bash(tree: Command) -> str:
    """For bash 3.2 and later, which is what macOS has."""
    cases = []
    for command in walk(tree):
        words = [*(sub.path[-1] for sub in command.subcommands), *(name for option in command.options for name in option.names)]
        cases.append(f'        "{" ".join(command.path)}") words="{" ".join(words)}" ;;')
    values = sorted(
        {(name, option.values) for command in walk(tree) for option in command.options for name in option.names if option.values}
    )
    files = sorted({name for command in walk(tree) for option in command.options if option.is_file for name in option.names})
    free = sorted(
        {
            name
            for command in walk(tree)
            for option in command.options
            if option.takes_value and not option.is_file and not option.values
            for name in option.names
        }
    )
    known = "|".join(f'"{" ".join(command.path)}"' for command in walk(tree) if command.path)
    lines = [
        _HEADER,
        "_ccproxy() {",
        '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" index',
        "    COMPREPLY=()",
        "    for ((index = 1; index < COMP_CWORD; index++)); do",
        '        if [[ "${COMP_WORDS[index]}" == "--" ]]; then',
        "            if ((index == COMP_CWORD - 1)); then",
        '                COMPREPLY=($(compgen -c -- "$current"))',
        "            else",
        '                COMPREPLY=($(compgen -f -- "$current"))',
        "            fi",
        "            return",
        "        fi",
        '        case "${path:+$path }${COMP_WORDS[index]}" in',
        f'            {known}) path="${{path:+$path }}${{COMP_WORDS[index]}}" ;;',
        "        esac",
        "    done",
        '    case "$previous" in',
        *(f'        {name}) COMPREPLY=($(compgen -W "{" ".join(options)}" -- "$current")); return ;;' for name, options in values),
        f'        {"|".join(files)}) COMPREPLY=($(compgen -f -- "$current")); return ;;',
        f"        {'|'.join(free)}) return ;;",
        "    esac",
        '    case "$path" in',
        *cases,
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        f"complete -o filenames -F _ccproxy {' '.join(NAMES)}",
    ]
    return "\n".join(lines) + "\n"


def zsh(tree: Command) -> str:
    """For zsh, as a file on `fpath`."""
    lines = [f"#compdef {' '.join(NAMES)}", _HEADER]
    for command in walk(tree):
        lines += ["", f"{_function(command)}() {{", *_zsh_body(command), "}"]
    return "\n".join([*lines, "", '_ccproxy "$@"']) + "\n"


def _function(command: Command) -> str:
    return "_" + "_".join(("ccproxy", *command.path))


def _zsh_body(command: Command) -> Iterator[str]:
    specs = [_zsh_option(option) for option in command.options]
    if command.subcommands:
        yield "    local context state line"
        yield "    typeset -A opt_args"
        specs += ["'1: :->command'", "'*:: :->rest'"]
    else:
        specs.append("'*:: :_normal'" if command.path == ("wrap",) else "'*: :_files'")
    yield "    _arguments -C \\"
    yield from (f"        {spec} \\" for spec in specs[:-1])
    yield f"        {specs[-1]}"
    if not command.subcommands:
        return
    yield '    case "$state" in'
    yield "        command)"
    yield "            local -a commands=("
    yield from (f"                '{sub.path[-1]}:{sub.help}'" for sub in command.subcommands)
    yield "            )"
    yield "            _describe command commands ;;"
    yield "        rest)"
    yield '            case "${line[1]}" in'
    yield from (f"                {sub.path[-1]}) {_function(sub)} ;;" for sub in command.subcommands)
    yield "            esac ;;"
    yield "    esac"


def _zsh_option(option: Option) -> str:
    value = ""
    if option.values:
        value = f":value:({' '.join(option.values)})"
    elif option.takes_value:
        value = ":file:_files" if option.is_file else ":value: "
    if len(option.names) == 1:
        return f"'{option.names[0]}[{option.help}]{value}'"
    group = " ".join(option.names)
    return f"'({group})'{{{','.join(option.names)}}}'[{option.help}]{value}'"


def fish(tree: Command) -> str:
    """For fish."""
    lines = [_HEADER, f"for name in {' '.join(NAMES)}", "    complete -c $name -f"]
    for command in walk(tree):
        condition = _fish_condition(command)
        words = [f"-a {sub.path[-1]} -d '{sub.help}'" for sub in command.subcommands]
        words += [_fish_option(option) for option in command.options]
        lines += [f"    complete -c $name -n '{condition}' {word}" for word in words]
        if command.path == ("wrap",):
            lines.append(f"    complete -c $name -n '{condition}' -a '(__fish_complete_subcommand --fcs-skip=2)'")
    return "\n".join([*lines, "end"]) + "\n"


def _fish_condition(command: Command) -> str:
    if not command.path:
        return "__fish_use_subcommand"
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.path)
    if not command.subcommands:
        return seen
    return f"{seen}; and not __fish_seen_subcommand_from {' '.join(sub.path[-1] for sub in command.subcommands)}"


def _fish_option(option: Option) -> str:
    words = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    if option.values:
        words.append(f"-x -a '{' '.join(option.values)}'")
    elif option.takes_value:
        words.append("-r -F" if option.is_file else "-x")
    return " ".join([*words, f"-d '{option.help}'"])


def powershell(tree: Command) -> str:
    """For PowerShell, to be dot-sourced from the profile."""
    lines = [_HEADER, "$ccproxyWords = @{"]
    for command in walk(tree):
        words: list[tuple[str, str]] = [(sub.path[-1], sub.help) for sub in command.subcommands]
        words += [(name, option.help) for option in command.options for name in option.names]
        lines += [f"    '{' '.join(command.path)}' = @(", *(f"        @('{word}', '{help_}')," for word, help_ in words[:-1])]
        lines += [f"        @('{words[-1][0]}', '{words[-1][1]}')", "    )"]
    names = ", ".join(f"'{name}'" for name in NAMES)
    return "\n".join([*lines, "}", f"Register-ArgumentCompleter -Native -CommandName {names} -ScriptBlock {{", *_POWERSHELL, "}"]) + "\n"


_POWERSHELL = (
    "    param($wordToComplete, $commandAst, $cursorPosition)",
    "    $path = ''",
    "    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {",
    "        if ($element.Extent.EndOffset -ge $cursorPosition) { break }",
    '        $longer = "$path $element".Trim()',
    "        if ($ccproxyWords.ContainsKey($longer)) { $path = $longer }",
    "    }",
    '    $ccproxyWords[$path] | Where-Object { $_[0] -like "$wordToComplete*" } | ForEach-Object {',
    "        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])",
    "    }",
)
_HEADER = "# Generated by `python -m ccproxy_cli.cli.completions`; a test fails when it is out of date."


def scripts() -> Mapping[str, str]:
    """Every script by its file name."""
    tree = command_tree()
    return {"ccproxy.bash": bash(tree), "_ccproxy": zsh(tree), "ccproxy.fish": fish(tree), "ccproxy.ps1": powershell(tree)}


def main(arguments: Sequence[str]) -> None:
    """Write the scripts into a folder."""
    folder = Path(arguments[0] if arguments else "completions")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in scripts().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
