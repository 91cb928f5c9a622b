"""What the cluster changes on this machine outside of the node: each module can make its part and undo it."""
