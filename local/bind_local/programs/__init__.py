"""The programs that are built from pinned Go modules."""
