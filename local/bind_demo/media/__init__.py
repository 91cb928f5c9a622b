"""The things of the demo and the media that show, say and measure them."""
