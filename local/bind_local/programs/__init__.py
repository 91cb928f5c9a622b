"""The programs that the cluster and the tests use are built from pinned Go modules."""
