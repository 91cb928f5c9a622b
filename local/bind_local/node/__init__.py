"""The inside of the node: its processes as data, their configuration files, and what runs them."""
