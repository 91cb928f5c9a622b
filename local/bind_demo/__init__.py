"""The demo: install, apply, wait, import, search, report; one real road from a resource to its answers."""
