"""The changes to this machine, outside of the node: each module can make its part and undo it."""
