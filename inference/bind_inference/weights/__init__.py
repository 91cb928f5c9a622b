"""The weights: where they come from, and a model that has them.

reading        from a model's name to the model with its weights in place
seeded         Tiny's, by a formula; it needs nothing but torch and numpy
source         which file holds ImageBindHuge's, fetched or converted first if need be
download       one large file over HTTP
checkpoint     the published file: checked, converted to safetensors, mapped
wholeness      whether a converted file still holds what was written
known_answers  whether a model that was loaded computes what the checkpoint's did
"""
