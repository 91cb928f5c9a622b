"""The end points that OpenAI's clients know: /v1/embeddings and /v1/models, with errors in their shape."""
