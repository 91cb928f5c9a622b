"""A program of its own, in a pod beside Weaviate's: it removes backups that are past what the rules keep."""
