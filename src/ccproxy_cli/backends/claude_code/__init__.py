"""The Claude Code CLI as a backend."""

from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend

__all__ = ["ClaudeCodeBackend"]
