"""Where the I/O towards models happens: one class for every HTTP provider, one for the Claude CLI, one embedded."""
