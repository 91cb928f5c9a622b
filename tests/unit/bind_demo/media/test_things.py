from bind_demo.media.things import THINGS


def test_names_and_ids_are_unique() -> None:
    assert len({thing.slug for thing in THINGS}) == len(THINGS)
    assert len({thing.uuid for thing in THINGS}) == len(THINGS)


def test_an_id_never_changes() -> None:
    assert str(THINGS[0].uuid) == "bdf799c4-011f-5415-8b68-9f7cfaf17092"


def test_random_numbers_depend_on_thing_and_purpose() -> None:
    cat, coffee = THINGS[1], THINGS[2]
    first = cat.random("imu").random()
    assert first == cat.random("imu").random()
    assert first != cat.random("depth").random()
    assert first != coffee.random("imu").random()
