"""The commands. Each one is a function that returns a result; everything it needs is imported inside it."""
