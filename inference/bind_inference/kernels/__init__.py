"""Our own kernels, in C: what torch would take many passes over memory for."""
