"""Two processes that serve one socket over the embedded model. Each says its pid.

workers_driver.py [fails]
"""

import os
import sys

from ccproxy_cli.config.settings import Settings
from ccproxy_cli.launch.serve import run, serve_app
from ccproxy_cli.launch.socket import bind
from ccproxy_cli.launch.workers import Workers
from ccproxy_cli.server.app import create_app
from ccproxy_cli.wiring import build_pipeline

listener = bind("127.0.0.1", 0)


def work(index: int) -> int:
    if sys.argv[1:] == ["fails"]:
        return 7

    async def main() -> None:
        settings = Settings()
        app = create_app(settings, build_pipeline(settings))
        line = f"{index} {os.getpid()} {listener.getsockname()[1]}\n"
        await serve_app(app, listener, 1, lambda: print(end=line, flush=True))

    run(main())
    return 0


sys.exit(Workers(2, work).run())
