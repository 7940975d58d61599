"""Runs the program named in its arguments as a child, with nothing else around it."""

import asyncio
import os
import sys

from ccproxy_cli.launch.child import CannotStart, ChildSignals, Ending, end_as, run_child


async def main() -> Ending:
    with ChildSignals() as signals:
        return await run_child(sys.argv[1:], os.environ, signals)


if __name__ == "__main__":
    try:
        end_as(asyncio.run(main()))
    except CannotStart as error:
        print(error.message, file=sys.stderr)
        sys.exit(error.code)
