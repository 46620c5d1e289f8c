"""What a job may ask for, checked once more: a worker trusts nobody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podcast_worker import Refused

MODES = ("crop", "extcrop", "resize", "full", "extfull")
SIZES = (128, 256, 512)
STYLES = 46


@dataclass(frozen=True)
class Options:
    """The options of one job, as engine.yaml describes them."""

    size: int = 256
    preprocess: str = "crop"
    still: bool = False
    enhancer: str = "none"
    pose_style: int = 0
    expression_scale: float = 1.0
    batch_size: int = 2
    ref_eyeblink: str = ""
    ref_pose: str = ""
    precision: str = "auto"

    @property
    def drawn_size(self) -> int:
        """The size that is drawn: upstream has no 128."""
        return max(256, self.size)

    @property
    def whole(self) -> bool:
        """Whether the face is put back into its picture."""
        return "full" in self.preprocess


def options_of(given: dict[str, Any]) -> Options:
    """Return the options of a job.

    Raises:
        Refused: a name or a value that does not fit.
    """
    known = {k: v for k, v in given.items() if v is not None}
    if unknown := set(known) - set(Options.__dataclass_fields__):
        raise Refused("options", f"SadTalker has no option {min(unknown)!r}")
    options = Options(**known)
    _one_of("size", options.size, SIZES)
    _one_of("preprocess", options.preprocess, MODES)
    _one_of("precision", options.precision, ("auto", "full", "half", "bytes"))
    if options.enhancer != "none":
        raise Refused(
            "options", f"the enhancer {options.enhancer!r} is an engine of its own and not part of SadTalker's",
            "set enhancer: none here, and choose the enhancer in avatar.enhancer",
        )  # fmt: skip
    if not 0 <= options.pose_style < STYLES:
        raise Refused("options", f"pose_style is {options.pose_style}; it goes from 0 to {STYLES - 1}")
    if not 0 <= options.expression_scale <= 3:
        raise Refused("options", f"expression_scale is {options.expression_scale}; it goes from 0 to 3")
    if options.batch_size < 1:
        raise Refused("options", "batch_size is the number of frames that are drawn at a time: 1 or more")
    for name in ("ref_eyeblink", "ref_pose"):
        path = getattr(options, name)
        if path and not Path(path).is_file():
            raise Refused("options", f"{name}: there is no file {path}")
    return options


def _one_of(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise Refused("options", f"{name} is {value!r}; it is one of {', '.join(map(str, choices))}")
