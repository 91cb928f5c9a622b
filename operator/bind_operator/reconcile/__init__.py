"""The loop decides which resource is reconciled when, and what one reconciliation does."""
