"""What an operator of the server can watch: metrics always, spans where somebody asks for them."""
