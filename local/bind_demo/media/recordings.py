"""Thermal, depth and inertial recordings, made up but of plausible shape: few desks have the sensors.

The motorcycle's depth is real: scikit-image ships the disparity map measured for that photo.
"""

from importlib.resources import files

import numpy as np
import numpy.typing as npt
from PIL import Image

from bind_demo.media.things import Thing

Floats = npt.NDArray[np.float64]

IMU_RATE_HZ = 200
IMU_SECONDS = 10
IMU_COLUMNS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def thermal(thing: Thing) -> Floats:
    """Return a thermal picture, [120, 160] in 0..255: a cool room with a few warm bodies in it."""
    random = thing.random("thermal")
    y, x = np.mgrid[0:1:120j, 0:1:160j]
    picture = 40 + 60 * random.random() * y + 60 * random.random() * x
    for _ in range(random.integers(2, 6)):
        cx, cy = random.uniform(0.1, 0.9, 2)
        width, height = random.uniform(0.05, 0.3, 2)
        picture += random.uniform(60, 160) * np.exp(-(((x - cx) / width) ** 2) - ((y - cy) / height) ** 2)
    return np.asarray(np.clip(picture, 0, 255), dtype=np.float64)


def depth(thing: Thing) -> Floats:
    """Return a depth picture, [240, 320] in 0..255 (far is bright): a floor, a wall and boxes before it."""
    if thing.slug == "motorcycle":
        return _measured_motorcycle()
    random = thing.random("depth")
    wall = random.uniform(150, 250)
    horizon = random.uniform(0.2, 0.7)
    y, x = np.mgrid[0:1:240j, 0:1:320j]
    slant = random.uniform(-80, 80)
    picture = np.where(y < horizon, wall + slant * (x - 0.5), wall * (1 - y) / (1 - horizon))
    for _ in range(random.integers(3, 7)):
        left, top = random.uniform(0, 0.8), random.uniform(0, 0.7)
        inside = (x > left) & (x < left + random.uniform(0.1, 0.4)) & (y > top) & (y < top + 0.4)
        picture = np.where(inside, np.minimum(picture, random.uniform(20, 0.8 * wall)), picture)
    return np.asarray(np.clip(picture, 0, 255), dtype=np.float64)


def imu(thing: Thing) -> Floats:
    """Return accelerations (m/s2) and turn rates (rad/s), [2000, 6]: a carried sensor, 10 s at 200 Hz."""
    random = thing.random("imu")
    t = np.arange(IMU_RATE_HZ * IMU_SECONDS) / IMU_RATE_HZ
    gravity = np.array([0.3, 9.7, 1.2, 0.0, 0.0, 0.0]) * random.uniform(0.5, 1.2, 6)
    columns = []
    for axis in range(6):
        steps_hz = random.uniform(0.4, 6)
        wave = random.uniform(0.5, 4) * np.sin(2 * np.pi * steps_hz * t + random.uniform(0, 2 * np.pi))
        drift = random.uniform(-1, 1) * np.sin(2 * np.pi * random.uniform(0.02, 0.2) * t)
        columns.append(gravity[axis] + wave + drift + random.normal(0, 0.05, t.size))
    return np.stack(columns, axis=1)


def picture_of(values: Floats) -> Image.Image:
    """Return [height, width] in 0..255 as a grey picture of 8 bits."""
    return Image.fromarray(np.clip(values, 0, 255).round().astype(np.uint8))


def csv_of(samples: Floats, decimals: int) -> bytes:
    """Return samples [n, 6] as CSV with the header line that ImageBind servers skip."""
    lines = [",".join(IMU_COLUMNS)]
    lines += [",".join(f"{value:.{decimals}f}" for value in sample) for sample in samples]
    return ("\n".join(lines) + "\n").encode()


def _measured_motorcycle() -> Floats:
    with (files("skimage") / "data" / "motorcycle_disp.npz").open("rb") as file, np.load(file) as archive:
        disparity = np.asarray(archive[archive.files[0]], dtype=np.float64)
    known = np.isfinite(disparity) & (disparity > 0)
    nearest = disparity[known].max()
    far_is_bright = np.where(known, 255 * (1 - disparity / nearest), 255)
    small = Image.fromarray(far_is_bright.astype(np.float32)).resize((320, 240), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float64)
