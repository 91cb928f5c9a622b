"""Decoding of media in processes of their own, so that a decoder that crashes costs one item, not the server.

pool      in the server: tasks in, outcomes out; a process that crashed or took too long is replaced
handle    in the server: one process, started, asked and ended
process   the process: reads a task, answers it, and never more than one at a time
decoding  what it does: from a client's string to slices of arrays; short texts take this road in the server

Bytes get there and back in shared memory (items), passed as descriptors, not copied.
"""
