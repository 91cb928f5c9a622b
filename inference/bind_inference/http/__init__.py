"""The server's face: from a request's bytes to its items, from their outcomes to an answer.

server         uvicorn, which drains before it ends; protocol is one connection of it
app            the application and the one error handler; middleware surrounds every request
routes         /vectorize, /meta, /metrics and the probes
openai_routes  /v1/embeddings and /v1/models, as OpenAI's clients know them, with errors in their shape
"""
