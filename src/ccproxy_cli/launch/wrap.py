"""A program and a server of its own: the server comes up first and goes when the program is gone, and nothing is left behind."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from attrs import evolve, frozen

from ccproxy_cli.config.origin import ConfigError, Problem
from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.launch.child import NOT_EXECUTABLE, CannotStart, ChildSignals, Ending, find_program, run_child
from ccproxy_cli.launch.filling import Told
from ccproxy_cli.launch.homecopy import HomeCopy, private_home
from ccproxy_cli.launch.programs import recipe_for
from ccproxy_cli.launch.recipes import Recipe, arguments_for, changes, child_environment
from ccproxy_cli.launch.serve import RunningServer, serving
from ccproxy_cli.launch.session import (
    Tally,
    routes_to,
    routes_with_default,
    routes_within,
    session_settings,
    takes_every_name,
    window_of,
)
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.server.app import create_app
from ccproxy_cli.wiring import build_pipeline

DefaultModel: TypeAlias = Callable[[Settings], Awaitable[str]]
"""Chooses `provider/model` where nobody has named one."""

_TOKEN_BYTES = 32
_UNHEARD_OF = "unheard-of"


@frozen
class Wrapped:
    """What the command line asks for."""

    arguments: tuple[str, ...]
    """The program and all that follows it, verbatim."""
    model: str | None = None
    """Answers every request."""
    backend: str | None = None
    """Provider that answers every request."""


async def wrap(
    wrapped: Wrapped, settings: Settings, environ: Mapping[str, str], default_model: DefaultModel, say: Callable[[str], None]
) -> Ending:
    """Run the program with its traffic going through a server that only it can use, and return how it ended.

    Args:
        environ: the user's environment; the program gets it with our address and a one-time token in it.
        default_model: asked where the user has named no model.
        say: shows one line to the user.

    Raises:
        BadRequest: nobody serves the model asked for.
        CannotStart: the program is missing, cannot be executed, or needs a home of its own that cannot be made.
        ConfigError: a provider lacks what it needs, the one asked for does not exist, or the program has to be told a model.
    """
    recipe = recipe_for(wrapped.arguments[0])
    find_program(wrapped.arguments[0], environ.get("PATH"))  # before anything is started for it
    # The terminal is the program's: what libraries of ours have to say would land in the middle of its screen.
    logging.getLogger().addHandler(logging.NullHandler())
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session = session_settings(settings, token)
    tally = Tally()
    async with contextlib.AsyncExitStack() as stack:
        pipeline = build_pipeline(session)
        stack.push_async_callback(pipeline.aclose)
        default = await _lead(pipeline, session, wrapped, default_model)
        model = _model_for(recipe, wrapped.model, default)
        app = create_app(session, pipeline, log=lambda line: None, observers=[tally.observe])
        server = await stack.enter_async_context(serving(app))
        pipeline.warm_up()
        with ChildSignals() as signals:
            told = Told(server.url, token, model, window_of(session, pipeline.routes, model))
            wanted = changes(recipe, told)
            if recipe.home is not None:
                wanted[recipe.home.variable] = _home(recipe.home, environ, told, stack)
            environment = _environment(recipe, wanted, environ, say)
            program, *rest = wrapped.arguments
            watch = asyncio.create_task(_watch(server, say))
            ending = await run_child((program, *arguments_for(recipe, told), *rest), environment, signals)
            watch.cancel()
            try:
                await stack.aclose()
            except Exception as error:  # noqa: BLE001 - the edge: the program has ended, and nothing may take the place of its exit code
                say(f"the server did not stop cleanly: {error}")
            say(str(tally))
            return ending


def _model_for(recipe: Recipe, asked: str | None, default: str | None) -> str | None:
    """What the program is told to ask for.

    Raises:
        ConfigError: it has to be told, and nobody knows what.
    """
    if asked is not None or not recipe.needs_model:
        return asked
    if default is None:
        raise ConfigError([Problem(f"{recipe.name} calls only models that it is told of", fix="Name one with --model.")])
    return default


def _home(copy: HomeCopy, environ: Mapping[str, str], told: Told, stack: contextlib.AsyncExitStack) -> str:
    try:
        return str(stack.enter_context(private_home(copy, environ, told)))
    except OSError as error:
        raise CannotStart(f"a home of its own cannot be made: {error.filename}: {error.strerror}", NOT_EXECUTABLE) from error


def _environment(
    recipe: Recipe, wanted: Mapping[str, str | None], environ: Mapping[str, str], say: Callable[[str], None]
) -> Mapping[str, str]:
    made = child_environment(wanted, environ)
    if made.set_aside:
        say(f"set aside for {recipe.name if recipe.programs else 'this program'}: {', '.join(made.set_aside)}")
    return made.variables


async def _watch(server: RunningServer, say: Callable[[str], None]) -> None:
    """Tell the user when the server fails; the program keeps the terminal and finds out by itself."""
    await asyncio.wait([server.task])
    say("the server has failed, and the program is on its own now")


def _narrowed(settings: Settings, backend: str) -> Settings:
    """The settings as if there were this provider alone."""
    return evolve(settings, providers={backend: settings.providers.get(backend, ProviderSettings(backend))}, default_model=None)


async def _lead(pipeline: Pipeline, settings: Settings, wrapped: Wrapped, default_model: DefaultModel) -> str | None:
    """Lead the program's requests where the user wants them, and return the model that those go to which name none of theirs."""
    if wrapped.backend is not None and wrapped.backend not in pipeline.backends:
        known = ", ".join(pipeline.backends)
        raise ConfigError([Problem(f"there is no provider named {wrapped.backend}", fix=f"There are: {known}")])
    table = pipeline.routes
    # The user's own default model is as good as named, unless there are rules to say it all.
    model = wrapped.model or (settings.default_model if wrapped.backend is None and not settings.models else None)
    if model is not None:
        pipeline.routes = routes_to(table, model, wrapped.backend)
        return model
    if wrapped.backend is not None:
        alone = _narrowed(settings, wrapped.backend)
        default = None if takes_every_name(table, wrapped.backend) else await default_model(alone)
        pipeline.routes = routes_within(table, wrapped.backend, default)
    else:
        default = None if takes_every_name(table, table.sole) else await default_model(settings)
        pipeline.routes = routes_with_default(table, default)
    return default or _one_for_all(pipeline.routes)


def _one_for_all(table: RouteTable) -> str | None:
    """The model that a name leads to which nobody has heard of, unless it would be asked for by that name."""
    target = table.resolve(_UNHEARD_OF).target
    return None if target.model == _UNHEARD_OF else str(target)
