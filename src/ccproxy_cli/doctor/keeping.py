"""Whether the store that the settings name can be used."""

from collections.abc import Mapping

from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.secrets import without_password
from ccproxy_cli.config.settings import StoreSettings
from ccproxy_cli.doctor.finding import Finding, Status
from ccproxy_cli.stores.base import StoreError
from ccproxy_cli.stores.opening import file_of, is_file, named_store

_CHECK = "store"


async def keeping(settings: StoreSettings, environ: Mapping[str, str]) -> list[Finding]:
    """Ask the store for something. A file that is not there yet is not made."""
    url = settings.url
    facts = {"url": without_password(url)}
    if url == "memory":
        return []
    if is_file(url) and not (path := file_of(url, environ)).exists():
        return [Finding(_CHECK, Status.OK, f"state will be kept in {path}", facts=facts)]
    try:
        store = named_store(url, environ)
    except ConfigError as error:
        problem = error.problems[0]
        return [Finding(_CHECK, Status.FAIL, problem.message, fix=problem.fix, facts=facts)]
    try:
        await store.get("here")
    except StoreError as error:
        detail = "Servers go on by themselves, without what was kept there."
        fix = "Move the file away, or let it and its folder be yours." if is_file(url) else "Start the server, or correct store.url."
        return [Finding(_CHECK, Status.WARN, str(error), detail, fix, facts)]
    finally:
        await store.aclose()
    return [Finding(_CHECK, Status.OK, f"state is kept: {store} answers", facts=facts)]
