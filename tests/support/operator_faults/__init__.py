"""The operator among faults: what is done to it and to its cluster, and what must hold afterwards."""
