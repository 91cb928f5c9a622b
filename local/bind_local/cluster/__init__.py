"""The life of the cluster: it is started, waited for, recorded and ended."""
