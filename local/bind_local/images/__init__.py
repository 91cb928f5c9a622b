"""The container images: what each is made of, how it is built, and how it comes into a registry."""
