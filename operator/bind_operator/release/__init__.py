"""The Helm release of a resource: its values, the program that applies them and the records of it."""
