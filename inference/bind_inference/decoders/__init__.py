"""Decoding of media in processes of their own, so that a decoder that crashes costs one item, not the server.

protocol  what the scheduler asks of any decoders
pool      in the server: tasks in, results out; a process that crashed or took too long is replaced
handle    in the server: one process, started, asked and ended
messages  in the server: what a process sends, as objects
process   the process: reads a task and replies to it, never more than one at a time
decoding  what it does: from a client's string to slices of arrays; short texts go through it in the server

Bytes get there and back in shared memory (items), passed as descriptors, not copied.
"""
