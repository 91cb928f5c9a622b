"""The kubeconfig that people are given."""

from bind_local import topology as net
from bind_local.cluster.certificates import renamed


def test_the_kubeconfig_says_which_cluster_it_is() -> None:
    made = renamed(
        {
            "apiVersion": "v1",
            "clusters": [{"name": "a", "cluster": {"server": "https://x"}}],
            "users": [{"name": "b", "user": {"k": "v"}}],
            "contexts": [{"name": "b@a"}],
            "current-context": "b@a",
        }
    )
    assert made["current-context"] == net.CONTEXT == made["contexts"][0]["name"]
    assert made["contexts"][0]["context"] == {"cluster": "bindvectorizer", "user": "bindvectorizer-admin"}
    assert made["clusters"] == [{"name": "bindvectorizer", "cluster": {"server": "https://x"}}]
    assert made["users"] == [{"name": "bindvectorizer-admin", "user": {"k": "v"}}]
