"""The engine holds the loaded model on its device and runs batches.

protocol      what the scheduler asks of any engine, with no torch
torch_engine  the engine that is a torch model
loading       makes that of settings: weights, precision, self-check, first passes
importing     calls it once torch is imported, which is late
lowering      makes a float32 model compute in a precision; selfcheck measures how near its vectors stay
graphs        runs batches of a GPU as CUDA graphs
"""
