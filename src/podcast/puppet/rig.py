"""A host as a folder: layers with alpha and a rig.yaml that says where they are and how they move.

Coordinates are pixels of one common canvas, x to the right, y down; see docs/hosts.md for the format.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from podcast.errors import PodcastError

HOSTS = Path(__file__).parent / "hosts"
RIG_FILE = "rig.yaml"
FORMAT = 1

Point = tuple[float, float]
Curve = Annotated[list[Point], Field(min_length=3)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Placed(_Part):
    """A picture file and where its top left corner lies on the canvas."""

    file: str
    at: Point = (0.0, 0.0)
    scale: float = Field(1.0, gt=0)  # canvas pixels per picture pixel


class Depth(Placed):
    """A grey picture: black lies at `far`, white at `near`, canvas pixels towards the viewer from the pivot."""

    near: float
    far: float

    @model_validator(mode="after")
    def _ordered(self) -> Depth:
        if self.near <= self.far:
            raise ValueError("near must be greater than far")
        return self


class Layers(_Part):
    """The drawn layers, from back to front; depth and follow steer the head's turn."""

    body: Placed
    head: Placed
    front: Placed | None = None  # glasses, a fringe: over eyes and brows, moves with the head
    collar: Placed | None = None  # over the neck, moves with the body
    prop: Placed | None = None  # a microphone: before everything, never moves
    depth: Depth | None = None
    follow: Placed | None = None  # grey: white moves with the head, black with the body


class Eye(_Part):
    """One eye: its opening from the left to the right corner, and what moves in it."""

    upper: Curve
    lower: Curve
    centre: Point  # where the iris rests
    iris: Placed  # `at` is not used: the iris is centred
    travel: Point  # shift of the iris at gaze 1
    lid: Placed | None = None  # skin of the shut lid, lashes on `lower`
    crease: float | None = None  # how far above `upper` the lid folds; default 0.4 of the opening
    shine: Placed | None = None  # the highlight


class Brow(Placed):
    """One brow; raised by `lift` at channel 1."""

    lift: float | None = None


class Pair(_Part):
    """Left and right as the viewer sees them."""

    left: Eye
    right: Eye


class Brows(_Part):
    """Left and right as the viewer sees them."""

    left: Brow
    right: Brow


class Mouth(_Part):
    """The closed lips in three curves from corner to corner, and what is seen between them."""

    top: Curve  # outer edge of the upper lip
    line: Curve  # where the lips meet
    low: Curve  # outer edge of the lower lip
    teeth_upper: Placed | None = None
    teeth_lower: Placed | None = None
    tongue: Placed | None = None
    cavity: Colour = "#3a0f12"
    drop: float = Field(0.105, gt=0, le=0.3)  # fall of the lower lip at jaw 1, head heights


class RigSpec(_Part):
    """What rig.yaml says."""

    format: int
    name: str
    about: str = ""
    gender: Literal["female", "male", ""] = ""  # a voice that fits is chosen by it
    licence: str
    accent: Colour = "#4a90d9"  # a colour that suits the host: captions, name plate
    crown: float  # y of the highest hair
    chin: float  # y of the chin
    pivot: Point  # where the head turns, on the neck
    neck: Point  # y where the neck leaves the head's motion, y where it rests on the body
    layers: Layers
    eyes: Pair | None = None
    brows: Brows | None = None
    mouth: Mouth

    @model_validator(mode="after")
    def _plausible(self) -> RigSpec:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format} is not known; this version reads format {FORMAT}")
        if self.chin <= self.crown:
            raise ValueError("chin must lie below crown (y grows downwards)")
        if self.neck[1] <= self.neck[0]:
            raise ValueError("neck must be [upper y, lower y]")
        return self


@dataclass(frozen=True)
class Rig:
    """A loaded host: the description and its pictures (RGBA, grey for depth and follow), keyed by file."""

    spec: RigSpec
    folder: Path
    pictures: dict[str, np.ndarray] = field(repr=False)

    @property
    def head_height(self) -> float:
        """Crown to chin, canvas pixels."""
        return self.spec.chin - self.spec.crown

    def picture(self, placed: Placed) -> np.ndarray:
        """Return a layer's pixels."""
        return self.pictures[placed.file]


def host_names() -> list[str]:
    """Return the names of the hosts that ship with the program, sorted."""
    return sorted(p.parent.name for p in HOSTS.glob(f"*/{RIG_FILE}"))


def host_folder(name: str) -> Path:
    """Return the folder of a host: one of ours by name, or a path to the user's own."""
    for folder in (HOSTS / name, Path(name)):
        if (folder / RIG_FILE).is_file():
            return folder
    raise PodcastError(
        f"no host named '{name}'", f"Ours are {', '.join(host_names())}; your own is a folder with a {RIG_FILE}.", name
    )


def load_rig(folder: Path | str) -> Rig:
    """Read a host's folder.

    Raises PodcastError with file, key and remedy for anything that is missing or does not fit.
    """
    folder = Path(folder)
    spec = _read_spec(folder / RIG_FILE)
    pictures: dict[str, np.ndarray] = {}
    for key, placed in _placed(spec):
        if placed.file not in pictures:
            grey = key in ("layers.depth", "layers.follow")
            pictures[placed.file] = _read_picture(folder, key, placed.file, grey)
    rig = Rig(spec, folder, pictures)
    _check_geometry(rig)
    return rig


def load_spec(folder: Path | str) -> RigSpec:
    """Read a host's rig.yaml alone, without its pictures."""
    return _read_spec(Path(folder) / RIG_FILE)


def rig_digest(folder: Path | str) -> str:
    """Return the SHA-256 over the names and contents of a host's files, for cache keys."""
    digest = hashlib.sha256()
    folder = Path(folder)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _read_spec(path: Path) -> RigSpec:
    if not path.is_file():
        raise PodcastError(
            f"there is no {RIG_FILE}",
            "A host is a folder with layers and a rig.yaml; see docs/hosts.md.",
            str(path.parent),
        )
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PodcastError(
            f"not readable as YAML: {str(error).splitlines()[0]}", "Mend the syntax.", str(path)
        ) from error
    try:
        return RigSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(k) for k in first["loc"]) or "(top level)"
        remedy = "docs/hosts.md lists the keys." if first["type"] in ("extra_forbidden", "missing") else ""
        raise PodcastError(f"{first['msg']}", remedy, f"{path}: {key}") from error


def _placed(spec: RigSpec) -> list[tuple[str, Placed]]:
    """Every picture of a rig with its key."""
    found: list[tuple[str, Placed]] = []

    def walk(key: str, part: BaseModel) -> None:
        if isinstance(part, Placed):
            found.append((key, part))
            return
        for name in type(part).model_fields:
            value = getattr(part, name)
            if isinstance(value, BaseModel):
                walk(f"{key}.{name}" if key else name, value)

    walk("", spec)
    return found


def _read_picture(folder: Path, key: str, file: str, grey: bool) -> np.ndarray:
    path, where = folder / file, f"{folder / RIG_FILE}: {key}.file"
    if not path.is_file():
        raise PodcastError(f"there is no file {file}", "Export the layer or correct the name.", where)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_UNCHANGED) if len(data) else None
    if image is None:
        raise PodcastError(f"{file} is not a picture we can read", "Export it as PNG or WebP.", where)
    if grey:
        return image
    if image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        raise PodcastError(f"{file} has no alpha channel", "Export it as RGBA, 8 bits per channel.", where)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)


def _check_geometry(rig: Rig) -> None:
    where = f"{rig.folder / RIG_FILE}: "
    head = rig.spec.layers.head
    h, w = (n * head.scale for n in rig.picture(head).shape[:2])
    for x, y in (
        *rig.spec.mouth.line,
        *([] if rig.spec.eyes is None else [rig.spec.eyes.left.centre, rig.spec.eyes.right.centre]),
    ):
        if not (head.at[0] <= x <= head.at[0] + w and head.at[1] <= y <= head.at[1] + h):
            raise PodcastError(
                f"point ({x:g}, {y:g}) lies outside the head layer",
                "Coordinates are canvas pixels: add the layer's `at`.",
                where + "mouth or eyes",
            )
    for name in ("top", "line", "low"):
        curve = getattr(rig.spec.mouth, name)
        if any(b[0] <= a[0] for a, b in pairwise(curve)):
            raise PodcastError("points must run from left to right", "Sort them by x.", where + f"mouth.{name}")
