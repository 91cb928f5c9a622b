"""The loaded model on its device.

protocol      what the scheduler asks of any engine, with no torch
torch_engine  the one that is a torch model
loading       from settings to that: weights, precision, self-check, first passes; importing brings torch late
lowering      from a float32 model to one of a precision; selfcheck tells whether its vectors stay the same
"""
