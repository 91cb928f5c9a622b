"""What is said before a run, and when it is not begun."""

from pathlib import Path

import pytest

from bind_local.disk import Disk, Need, about, amount, announcement, check_room
from bind_local.errors import LocalError

GB = 1_000_000_000
CACHE, HOME = Path("/cache"), Path("/home")
IMAGES = Need("images", CACHE, 15 * GB, minutes=5)
PROGRAMS = Need("programs", HOME, 10 * GB, minutes=15, there_bytes=4 * GB)


def there(need: Need) -> Need:
    return Need(need.what, need.folder, need.size_bytes, need.minutes, need.size_bytes + 1)


@pytest.mark.parametrize(
    ("size_bytes", "said"), [(0, "0.0 GB"), (400_000_000, "0.4 GB"), (9.94e9, "9.9 GB"), (17.2e9, "17 GB")]
)
def test_sizes_as_people_say_them(size_bytes: float, said: str) -> None:
    assert amount(size_bytes) == said


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0.2, "a minute"), (4.4, "4 minutes"), (9.4, "9 minutes"), (9.6, "10 minutes"), (21.9, "20 minutes")],
)
def test_times_are_no_more_exact_than_they_are(minutes: float, said: str) -> None:
    assert about(minutes) == f"about {said}"


def test_a_run_says_the_whole_and_what_is_missing_of_it() -> None:
    assert announcement([IMAGES, PROGRAMS]) == (
        "from nothing this takes 25 GB of disk and about 20 minutes to set up; "
        "here 21 GB and about 15 minutes are still to come: images 15 GB, programs 6.0 GB"
    )
    assert announcement([IMAGES, there(PROGRAMS)]).endswith(
        "here 15 GB and about 5 minutes are still to come: images 15 GB"
    )
    assert announcement([there(IMAGES), there(PROGRAMS)]).endswith("here all of it is there already")


def test_each_disk_is_asked_for_what_it_will_hold() -> None:
    def disks(path: Path) -> Disk:
        return Disk(1, 15 * GB) if path == CACHE else Disk(2, 6 * GB)

    check_room([IMAGES, PROGRAMS], disks)
    with pytest.raises(LocalError, match=r"the disk of /home has 6\.0 GB free, and 8\.0 GB are") as short:
        check_room([IMAGES, PROGRAMS, Need("more", HOME, 2 * GB)], disks)
    assert str(short.value).endswith("programs 6.0 GB, more 2.0 GB")
    assert short.value.remedy.startswith("free 2.0 GB (`make clean-cache`")


def test_two_folders_of_one_disk_share_its_room() -> None:
    with pytest.raises(LocalError, match="20 GB free, and 21 GB"):
        check_room([IMAGES, PROGRAMS], lambda _: Disk(1, 20 * GB))


def test_what_is_there_needs_no_room() -> None:
    check_room([there(IMAGES), there(PROGRAMS)], lambda _: Disk(1, 0))
