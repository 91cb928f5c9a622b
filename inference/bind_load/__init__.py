"""Embed a folder of media into a Parquet file: a program beside the server, with whose model it embeds."""

PROGRAM = "bind-load"
