"""The layers of ARCHITECTURE.md, held."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "ccproxy_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# What each room may import of ours. `wiring` builds concrete backends; only launch and cli may ask it to.
MAY_IMPORT = {
    "core": set(),
    "config": {"core"},
    "observe": {"core", "pipeline"},
    "stores": {"core", "config", "observe"},
    "backends": {"core", "config", "observe", "stores"},
    "pipeline": {"core", "config", "backends", "stores"},
    "server": {"core", "config", "pipeline", "backends", "observe"},
    "wiring": {"core", "config", "backends", "pipeline", "observe", "stores"},
    "launch": {"core", "config", "pipeline", "server", "observe", "wiring", "backends", "stores"},
    "doctor": {"core", "config", "backends", "pipeline", "wiring", "observe", "stores"},
    "cli": {"core", "config", "backends", "pipeline", "server", "launch", "doctor", "observe", "wiring", "stores"},
    "__main__": {"cli"},
    "__init__": set(),
}
# Of `backends`, these rooms may know the protocol alone.
PROTOCOL_ONLY = {"pipeline", "server"}
ONLY_IN = {
    "claude_code_sdk": {"backends/claude_code"},
    "aiohttp": {"backends"},
    "litestar": {"server"},
    "uvicorn": {"launch", "server"},
    "redis": {"stores"},
    "sqlite3": {"stores"},
    "typer": {"cli"},
    "rich": {"cli"},
}
CORE_THIRD_PARTY = {"attrs", "cattrs", "msgspec"}
CORE_FORBIDDEN = {"asyncio", "os", "time", "random", "uuid", "socket", "subprocess", "logging", "pathlib", "urllib"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every imported module, and whether it is imported when the file is."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, id(node) not in inside) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            yield node.module, id(node) not in inside
            yield from ((f"{node.module}.{name.name}", id(node) not in inside) for name in node.names)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path: Path) -> None:
    here = room(path)
    for name, _ in imports(path):
        head, *rest = name.split(".")
        if head != "ccproxy_cli" or not rest or rest[0] in (here, "__version__"):
            continue
        assert rest[0] in MAY_IMPORT[here], f"{here} may not import {name}"
        if rest[0] == "backends" and here in PROTOCOL_ONLY and len(rest) > 1:
            assert rest[1] == "base", f"{here} knows backends by their protocol alone, not {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    where = str(path.relative_to(PACKAGE))
    for name, _ in imports(path):
        rooms = ONLY_IN.get(name.split(".")[0])
        assert rooms is None or where.startswith(tuple(rooms)), f"{where} may not import {name}"


@pytest.mark.parametrize("path", [path for path in SOURCES if room(path) == "core"], ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_does_no_io(path: Path) -> None:
    import sys

    for name, _ in imports(path):
        head = name.split(".")[0]
        assert head not in CORE_FORBIDDEN, f"core may not import {name}"
        assert head in sys.stdlib_module_names or head in CORE_THIRD_PARTY or head == "ccproxy_cli", f"core may not import {name}"


FORMATS = PACKAGE / "core" / "formats"
# What begins with an underscore is no format but what formats share: all of them, or those of one vendor.
ONE_VENDORS = {"_openai": {"_openai", "openai_chat", "openai_responses"}}


@pytest.mark.parametrize(
    "path", sorted(FORMATS.glob("*/*.py")) + sorted(FORMATS.glob("_[!_]*.py")), ids=lambda path: str(path.relative_to(FORMATS))
)
def test_no_format_knows_another(path: Path) -> None:
    here = path.relative_to(FORMATS).parts[0].removesuffix(".py")
    for name, _ in imports(path):
        match name.split("."):
            case ["ccproxy_cli", "core", "formats", room, *_] if room != here:
                assert room.startswith("_"), f"{here} may not import {name}"
                assert here in ONE_VENDORS.get(room, {here}), f"{here} may not import {name}, which is another vendor's"


VENDOR_WORDS = {
    "content_block_delta": "formats/anthropic",
    "input_json_delta": "formats/anthropic",
    "chat.completion.chunk": "formats/openai_chat",
}


@pytest.mark.parametrize(("word", "home"), VENDOR_WORDS.items())
def test_a_vendors_words_stand_in_its_own_folder(word: str, home: str) -> None:
    elsewhere = [str(path.relative_to(PACKAGE)) for path in SOURCES if word in path.read_text() and home not in str(path)]
    assert not elsewhere
