"""This package turns a request's bytes into items, and their outcomes into a response.

server         is uvicorn, which drains before it ends; protocol is one connection of it, tls its certificate
accepting      takes connections up to a limit; connections says which of them are idle
app            is the application and the one error handler; middleware is around every request, then door
fetching       gets what is at an address that is allowed; remote_items puts it into a request
requests       receives a body and waits for its items' vectors
routes         are /vectorize, /meta, /metrics and the probes
openai_routes  are /v1/embeddings and /v1/models, as OpenAI's clients know them, with errors in their shape
"""
