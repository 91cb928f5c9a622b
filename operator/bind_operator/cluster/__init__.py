"""The edge to the cluster reads from the API server and the pods, and writes to the API server."""
