"""The files that are made from the models: manifests and reference pages."""
