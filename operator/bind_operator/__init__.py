"""The operator: observe the release, decide one action, take it, summarize, look again."""

__version__ = "0.1.0"
