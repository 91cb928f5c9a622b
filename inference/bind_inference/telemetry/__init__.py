"""Lets an operator of the server watch it: by metrics always, by spans where somebody asks for them."""
