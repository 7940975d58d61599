"""`python -m ccproxy_cli`, and what the installed commands call."""

import sys


def main() -> None:
    """Run the command line. Never returns."""
    if sys.argv[1:] in (["--version"], ["-V"]):  # needs no command line parser, which is most of the time it would take
        from ccproxy_cli import __version__

        print(f"ccproxy {__version__}")  # noqa: T201
        sys.exit(0)
    try:
        from ccproxy_cli.cli.app import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
