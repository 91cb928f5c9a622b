"""What several test folders share: pinned binaries, the local cluster, builders."""
