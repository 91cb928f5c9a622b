"""A real Kubernetes node on this machine: programs, namespaces, images, and nothing left afterwards."""
