"""Runs a real Kubernetes node on this machine, builds its programs and images, and leaves nothing behind."""
