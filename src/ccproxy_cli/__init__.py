"""Any AI client to any AI backend, from one command on your own machine."""

__version__ = "0.1.0"
