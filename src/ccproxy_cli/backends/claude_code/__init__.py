"""The Claude Code CLI as a backend. Nothing is imported here: commands that only look for the CLI need not load what drives it."""
