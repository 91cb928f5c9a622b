"""The operator: observe the release, decide one action, take it, summarize, look again."""
