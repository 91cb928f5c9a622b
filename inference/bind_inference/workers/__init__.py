"""Speak HTTP in processes of their own (HTTP workers), so that JSON does not hold up the model.

All that has state stays in the main process: the queue, the cache, the decoders, the readiness, the metrics.

server         in the main process: accepts connections, hands them to workers, drains
pool           in the main process: the workers, each replaced when it ends
handle         in the main process: one worker, and what it asks of the service
process        in the main process: starts one; in the worker: ends it with the main process
serving        the worker: uvicorn on the connections that it is handed
remote         the worker: what the application asks of the service, as messages
shared_budget  both: how much all of them hold
channel        both: a socket in an event loop, which queues what does not fit and never blocks
messages       both: what is in a message

Media get to the main process in shared memory (items), passed as descriptors: no byte of them enters its
interpreter, nor does a body that is not small.
"""
