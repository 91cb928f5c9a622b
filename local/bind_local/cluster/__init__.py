"""The life of a cluster: it is started, waited for, recorded and ended."""
