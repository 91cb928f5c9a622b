"""The servers that are measured: ours and the peer's, each started, asked and ended as a process."""
