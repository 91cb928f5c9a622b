"""The judgement: facts in, state, action and conditions out. It does no I/O, and the time is an argument."""
