"""The program `bindctl` is for people and pipelines: it judges and renders resources without a cluster."""
