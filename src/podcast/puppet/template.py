"""Motion templates: the head, eyes and brows of a person over some seconds, without the lips, as a small file.

The file is an uncompressed .npz (so that its bytes depend on nothing but the motion) with these arrays:

    version   int64, FORMAT
    name      text; what the template is called
    source    text; where the motion comes from
    rate      int64 (2,), frames per second as numerator and denominator
    starts    int64, the frames with which an unbroken stretch begins; the first is 0
    channels  text (channels,), names out of `TRACKS`; a channel that is absent is zero
    poses     int16 (frames, channels), 1/1000 of a degree for yaw, pitch and roll, 1/10000 of a unit for the others
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from podcast.errors import MediaError
from podcast.puppet.pose import EYES, HEAD

FORMAT = 1
TRACKS = EYES + HEAD  # what a template moves
COLUMN = {name: i for i, name in enumerate(TRACKS)}
LEAST = 2.0  # s, the shortest unbroken stretch that is used
_FOLDER = Path(__file__).parent / "templates"
_DEGREES = ("yaw", "pitch", "roll")
_STEPS = {name: 1_000 if name in _DEGREES else 10_000 for name in TRACKS}  # per unit: int16 holds ±32° and ±3.2
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip entry, for bytes that do not depend on the clock
# What damage looks like; RuntimeError is zipfile's for "encrypted" and "of a later version".
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError)


@dataclass(frozen=True, eq=False)
class MotionTemplate:
    """Motion of one person, in the units of `pose`, around a neutral pose of zeros.

    Raises `ValueError` for tracks that do not fit together, or with no stretch of `LEAST` seconds.
    """

    name: str
    rate: Fraction  # frames per second
    tracks: np.ndarray  # float32 (frames, len(TRACKS))
    source: str = ""  # where it comes from, for people
    starts: tuple[int, ...] = (0,)  # frames with which an unbroken stretch begins

    def __post_init__(self) -> None:
        if self.tracks.ndim != 2 or self.tracks.shape[1] != len(TRACKS) or self.rate <= 0:
            raise ValueError("the tracks of a motion template do not fit")
        if self.starts[:1] != (0,) or any(a >= b for a, b in zip(self.starts, self.ends, strict=True)):
            raise ValueError("the stretches of a motion template do not fit")
        if not np.isfinite(self.tracks).all() or self.longest < LEAST:
            raise ValueError(f"a motion template needs {LEAST:g} s without a break")

    @property
    def ends(self) -> tuple[int, ...]:
        """The frames after the last ones of the stretches."""
        return (*self.starts[1:], len(self.tracks))

    @property
    def longest(self) -> float:
        """The length of the longest stretch, seconds."""
        return float(max(b - a for a, b in zip(self.starts, self.ends, strict=True)) / self.rate)

    @property
    def seconds(self) -> float:
        """The length of all stretches."""
        return float(len(self.tracks) / self.rate)


def template_names() -> list[str]:
    """Return the names of the templates that ship."""
    return sorted(path.stem for path in _FOLDER.glob("*.npz"))


def template_path(name: str) -> Path:
    """Return the file of a template that ships; raises `MediaError` where there is none of that name."""
    path = _FOLDER / f"{name}.npz"
    if name not in template_names():
        raise MediaError(f"there is no motion template {name!r}", f"choose one of {', '.join(template_names())}, or a "
                         "file made by `podcast motion extract`", name)
    return path


def find_template(wanted: str) -> MotionTemplate:
    """Return a template by the name of one that ships, or by its file; raises `MediaError` where there is neither."""
    return load_template(Path(wanted) if wanted.endswith(".npz") else template_path(wanted))


def template_digest(template: MotionTemplate) -> str:
    """Return the SHA-256 of what a template does to a performance; its name and source do not count."""
    text = f"{template.rate} {template.starts} {TRACKS}"
    return hashlib.sha256(text.encode() + b"\0" + _stored(template.tracks).tobytes()).hexdigest()


def save_template(path: Path, template: MotionTemplate) -> None:
    """Write a template as .npz, whole or not at all; the same template gives the same bytes."""
    used = [i for i in range(len(TRACKS)) if template.tracks[:, i].any()]
    arrays = {
        "version": np.array(FORMAT, "<i8"),
        "name": np.array(template.name),
        "source": np.array(template.source),
        "rate": np.array([template.rate.numerator, template.rate.denominator], "<i8"),
        "starts": np.array(template.starts, "<i8"),
        "channels": np.array([TRACKS[i] for i in used], "<U12"),
        "poses": np.ascontiguousarray(_stored(template.tracks)[:, used]),
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(draft, "w") as archive:
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
                entry.create_system = 3
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
                archive.writestr(entry, buffer.getvalue())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def load_template(path: Path) -> MotionTemplate:
    """Read a template; channels are matched by name.

    Raises `MediaError` for a file that is missing, damaged, of a later format or something else.
    """
    if not path.is_file():
        raise MediaError("there is no such motion template", "`podcast motion extract clip.mp4 -o me.npz` makes one",
                         str(path))
    try:
        with zipfile.ZipFile(path) as whole:  # np.load takes other things too, and reads headers before checksums
            if whole.testzip() is not None:
                raise ValueError("a checksum differs")
        with np.load(path, allow_pickle=False) as archive:
            return _read(archive)
    except _BROKEN as error:
        raise MediaError("not a motion template that can be read",
                         "make it again with `podcast motion extract`", str(path)) from error


def _read(archive: np.lib.npyio.NpzFile) -> MotionTemplate:
    if int(archive["version"]) != FORMAT:
        raise ValueError("another format")
    shapes = {name: archive[name].shape for name in ("name", "source", "rate", "starts", "channels")}
    if shapes["name"] or shapes["source"] or shapes["rate"] != (2,) or len(shapes["starts"]) != 1:
        raise ValueError("shapes do not fit")
    if archive["rate"].dtype.kind != "i" or archive["starts"].dtype.kind != "i":
        raise ValueError("types do not fit")
    names, stored = [str(name) for name in archive["channels"]], archive["poses"]
    if stored.ndim != 2 or stored.shape[1] != len(names) or stored.dtype != np.int16:
        raise ValueError("shapes do not fit")
    over, under = (int(n) for n in archive["rate"])
    tracks = np.zeros((len(stored), len(TRACKS)), np.float32)
    for i, name in enumerate(names):
        if name in COLUMN:
            tracks[:, COLUMN[name]] = stored[:, i] / _STEPS[name]
    if over <= 0 or under <= 0:
        raise ValueError("no frame rate")
    starts = tuple(int(n) for n in archive["starts"])
    return MotionTemplate(str(archive["name"]), Fraction(over, under), tracks, str(archive["source"]), starts)


def _stored(tracks: np.ndarray) -> np.ndarray:
    steps = np.array([_STEPS[name] for name in TRACKS])
    return np.clip(np.rint(tracks.astype(np.float64) * steps), -32767, 32767).astype("<i2")
