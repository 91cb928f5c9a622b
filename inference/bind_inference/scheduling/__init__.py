"""This package stands between requests and model: it holds items, has them decoded, cuts batches, runs them.

service    is one server: its settings, its state, and its scheduler once the model is loaded
scheduler  is the loop, on the event loop's thread; jobs are the items that it has not answered yet
policy     decides which items run next, how many may wait, what is remembered; pure
worker     is the one thread in which the model runs
"""
