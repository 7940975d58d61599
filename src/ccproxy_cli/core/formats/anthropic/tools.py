"""Tools and tool choice from another format."""

from typing import TypeAlias

from ccproxy_cli.core.arguments import FREE_TEXT
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.hosted import write_tool
from ccproxy_cli.core.formats.anthropic.schema import fit_parameters
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.hosted import HostedTool
from ccproxy_cli.core.left_behind import hosted_meaning
from ccproxy_cli.core.parts import Opaque, ToolKind
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Request, Tool, ToolChoice

_Tools: TypeAlias = tuple[tuple[AnyTool, ...] | None, ToolChoice | None, bool | None]
"""Tools, the choice among them, and whether several may be called at once."""


def adapt_tools(request: Request, profile: Profile, losses: Losses) -> _Tools:
    """Tools and choice as the vendor takes them: no choice without tools, and a limited choice as fewer tools."""
    fitted = [_fit_tool(tool, f"tools[{index}]", profile, losses) for index, tool in enumerate(request.tools or ())]
    tools = tuple([tool for tool in fitted if tool is not None])
    if not tools:
        return None, None, None
    choice = request.tool_choice
    if choice is not None:
        losses.add_foreign(choice.extras, NAME, "tool_choice")
        if choice.names and (choice.subset or len(choice.names) > 1):
            tools = tuple(tool for tool in tools if _name(tool) in (None, *choice.names))
            choice = ToolChoice(choice.mode)
        elif choice.names and not any(_name(tool) in choice.names for tool in tools):
            losses.add("tool_choice", "it is of a tool that did not come along")
            choice = None
    if choice is None and request.parallel_tool_calls is False:
        choice = ToolChoice(ChoiceMode.AUTO)
    if not tools:
        return None, None, None
    # Several calls at once are the vendor's default, so only the wish for one at a time is written.
    return tools, choice, False if request.parallel_tool_calls is False else None


def _name(tool: AnyTool) -> str | None:
    """What a choice calls the tool; None for one that only its own vendor could name."""
    if isinstance(tool, Opaque):
        return tool.meaning.kind.value if isinstance(tool.meaning, HostedTool) else None
    return tool.name


def _fit_tool(tool: AnyTool, path: str, profile: Profile, losses: Losses) -> AnyTool | None:
    if isinstance(tool, Opaque):
        if tool.format == NAME:
            return tool
        meaning = hosted_meaning(tool, NAME, profile, path, losses)
        return None if meaning is None else write_tool(meaning, path, losses)
    losses.add_foreign(tool.extras, NAME, path)
    if tool.kind is ToolKind.CUSTOM:
        losses.add(path, f"{NAME} has no free-text tools, so this one takes its text as the string `input`")
        if tool.grammar is not None:
            losses.add(f"{path}.grammar", f"{NAME} has no grammars")
        return Tool(tool.name, tool.description, FREE_TEXT, cache=tool.cache)
    parameters = fit_parameters(tool.parameters, f"{path}.parameters", losses)
    if parameters is tool.parameters and tool.strict is not False:
        return tool
    return Tool(tool.name, tool.description, parameters, tool.strict or None, cache=tool.cache, extras=tool.extras)
