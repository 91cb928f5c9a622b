"""Our own kernels, in C: they do in one pass what torch would take many passes over memory for."""
