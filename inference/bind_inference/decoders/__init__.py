"""Decode media in processes of their own, so that a decoder that crashes costs one item, not the server.

protocol    what the scheduler asks of any decoders
pool        in the server: tasks in, results out; a process that crashed or took too long is replaced
lane        in the server: a queue and the threads that hand its tasks to processes
task_queue  in the server: which task is next, so that no request has every process
handle      in the server: one process, started, asked and ended
messages    in the server: what a process sends, as objects
process     the process: reads a task and replies to it, never more than one at a time
lockdown    the process: neither files nor network nor other processes from then on
decoding    makes slices of arrays of a client's string; the server itself calls it for short texts

Bytes get there and back in shared memory (items), passed as descriptors, not copied.
"""
