"""Helpers that several test folders share: pinned binaries, servers, the local cluster, builders."""
