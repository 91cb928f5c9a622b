"""Fixtures of the tests of networks: the local cluster, which enforces network policies, and our operator."""

from support.on_cluster import cluster, operator, pytest_runtest_makereport

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]
