"""Makes what the image for CPUs installs: torch without what a CPU never loads.

It runs while the image is built and is not part of it. docs/decisions/cpu-image.md says why.
"""
