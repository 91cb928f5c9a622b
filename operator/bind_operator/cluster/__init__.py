"""The edge to the cluster: what is read from the API server and the pods, and what is written there."""
