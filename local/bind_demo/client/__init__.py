"""The client half of the demo: import and search in any Weaviate that has multi2vec-bind."""
