"""The workload: which scenarios are measured, what clients send, and what comes of it."""
