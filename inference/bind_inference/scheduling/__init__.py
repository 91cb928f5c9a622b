"""Between the requests and the model: hold the items, have them decoded, cut batches, run them.

service    one server: its settings, its state, and its scheduler once the model is loaded
scheduler  the loop, on the event loop's thread; jobs are the items on their way
policy     which items run next, how many may wait, what is remembered; pure
worker     the one thread in which the model runs
"""
