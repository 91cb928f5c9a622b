"""A resource becomes a docker compose file: the chart's own pods, for one machine without Kubernetes."""
