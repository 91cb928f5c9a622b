"""The demo installs the operator, applies a resource, waits, imports, searches and reports what was found."""
