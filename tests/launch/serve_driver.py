"""A server in a process of its own, over the embedded model. Its standard error is the log.

serve_driver.py PORT GRACE
"""

import sys

from ccproxy_cli.config.settings import Settings
from ccproxy_cli.launch.serve import run, serve_app
from ccproxy_cli.launch.socket import CannotListen, bind, url_of
from ccproxy_cli.server.app import create_app
from ccproxy_cli.wiring import build_pipeline


async def main() -> int:
    try:
        listener = bind("127.0.0.1", int(sys.argv[1]))
    except CannotListen as error:
        print(error, file=sys.stderr)
        return 1
    settings = Settings()
    app = create_app(settings, build_pipeline(settings))
    await serve_app(app, listener, float(sys.argv[2]), lambda: print(url_of(listener), flush=True))
    return 0


sys.exit(run(main()))
