"""This package is what an item is as data, from a request's body to its vector. Pure.

bodies         turns the bytes of a body into items, by the shapes in schemas and openai_schemas
addresses      says which addresses of media may be fetched
data_uri       says of which modality a string of /v1/embeddings is; openai_inputs what else may stand there
base64         decodes media
shared_memory  holds what two processes see
slices         is what of an item the model is given at once
embedding      is the vector, and the key that identical items share
openai_errors  writes an error in OpenAI's shape
"""
