"""The operator's cost, beside bare Helm's, on a real control plane with fake pods."""
