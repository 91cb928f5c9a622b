"""The cluster half of the demo: which cluster and images, the operator, the resource and its conditions."""
