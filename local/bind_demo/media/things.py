"""The eight things of the demo, with their texts and the photos of scikit-image that show them."""

import zlib
from dataclasses import dataclass
from uuid import UUID, uuid5

import numpy as np

_NAMESPACE = UUID("5f0c7f0e-6a43-5a0e-9d57-0d6f2b1d9d2e")  # any fixed value: the same things get the same ids


@dataclass(frozen=True)
class Thing:
    """A thing was seen, heard and measured; it becomes one object with all seven modalities.

    text: what Weaviate embeds. reworded: the same said a little differently, for queries.
    spoken: what espeak-ng says. photo: a file of scikit-image's data folder.
    """

    slug: str
    title: str
    text: str
    reworded: str
    spoken: str
    photo: str

    @property
    def uuid(self) -> UUID:
        """The object's id is the same in every run, so that a second import replaces and never doubles."""
        return uuid5(_NAMESPACE, self.slug)

    def random(self, purpose: str) -> np.random.Generator:
        """Return the random numbers for one purpose, the same in every run on every machine."""
        return np.random.default_rng(zlib.crc32(f"{self.slug}/{purpose}".encode()))


THINGS = (
    Thing(
        "astronaut",
        "Astronaut in an orange suit",
        "a smiling astronaut in an orange space suit before a flag",
        "a smiling astronaut in her orange space suit before a flag",
        "This is Eileen Collins, the first woman to command a space shuttle.",
        "astronaut.png",
    ),
    Thing(
        "cat",
        "Chelsea the cat",
        "a ginger tabby cat looking past the camera",
        "the ginger tabby cat looking past the camera",
        "A cat called Chelsea looks past the camera and would like her dinner.",
        "chelsea.png",
    ),
    Thing(
        "coffee",
        "Cup of espresso",
        "a cup of espresso with a spoon on a wooden table",
        "one cup of espresso with a spoon on a wooden table",
        "Your espresso is ready on the table. Mind the spoon, it is hot.",
        "coffee.png",
    ),
    Thing(
        "rocket",
        "Rocket on the launch pad",
        "a rocket on its launch pad at night, lit by floodlights",
        "a rocket on the launch pad at night, lit by floodlights",
        "Five, four, three, two, one, ignition. The rocket has left the launch pad.",
        "rocket.jpg",
    ),
    Thing(
        "motorcycle",
        "Motorcycle in a garage",
        "a red motorcycle parked in a workshop beside a bicycle",
        "the red motorcycle parked in a workshop beside a bicycle",
        "The motorcycle in the workshop has a new chain and needs a little more oil.",
        "motorcycle_left.png",
    ),
    Thing(
        "galaxies",
        "Hubble deep field",
        "thousands of distant galaxies in the dark, seen by a telescope",
        "thousands of distant galaxies in the dark, seen with a telescope",
        "Each of these points of light is a galaxy, billions of years old.",
        "hubble_deep_field.jpg",
    ),
    Thing(
        "coins",
        "Greek coins from Pompeii",
        "old greek coins in rows on a grey cloth",
        "old greek coins in rows on the grey cloth",
        "Twenty four Greek coins from Pompeii lie in rows, all of different size.",
        "coins.png",
    ),
    Thing(
        "moon",
        "Surface of the moon",
        "craters and a long ridge on the surface of the moon",
        "craters and one long ridge on the surface of the moon",
        "We are flying over the moon now, and the shadows of its craters are very long.",
        "moon.png",
    ),
)
