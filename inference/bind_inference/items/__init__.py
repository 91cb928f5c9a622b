"""An item as data, from a request's body to the vector that answers it. Pure.

bodies     from the bytes of a body to its items, by the shapes in schemas and openai_schemas
data_uri   which kind of media a string of /v1/embeddings is; base64 is how media are sent
slices     what of an item the model is given at once
embedding  the vector, and the name that identical items share
"""
