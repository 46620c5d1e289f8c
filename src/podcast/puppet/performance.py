"""What a presenter does during one slot, as a file: pose tracks, quantised, the same bytes for the same motion."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from podcast.episode import Slot
from podcast.errors import MediaError
from podcast.puppet.driven import driven_idle_track, driven_speaking_track
from podcast.puppet.motion import Style, idle_track, speaking_track
from podcast.puppet.pose import CHANNELS
from podcast.puppet.prosody import prosody
from podcast.puppet.template import MotionTemplate

VERSION = 2  # of the motion; part of the key of whatever is made from it
_DEGREES = ("yaw", "pitch", "roll")
_STEPS = np.array([1_000 if name in _DEGREES else 10_000 for name in CHANNELS])  # per unit: int16 holds ±32° and ±3.2
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip entry, for bytes that do not depend on the clock


@dataclass(frozen=True, eq=False)
class Performance:
    """The motion of one presenter: `poses` is float32 (frames, len(CHANNELS))."""

    rate: Fraction  # frames per second
    poses: np.ndarray


def perform(
    slot: Slot,
    speaker_id: str,
    rate: Fraction,
    style: Style | None = None,
    partner: float | None = None,
    template: MotionTemplate | None = None,
) -> Performance:
    """Return what one presenter does during a slot: speaks, listens, or waits while a card is shown.

    `partner` is the direction, -1 … 1 on the screen, of the other presenter, None where there is none. The result
    depends on the slot's content, length and lead and on the other arguments, never on where the slot lies. With a
    `template`, head, eyes and brows are those of the person in it; the lips stay with the speech.
    """
    style = style or Style()
    if template is not None:
        return Performance(rate, _restored(_quantised(_driven(slot, speaker_id, rate, style, partner, template))))
    said = slot.utterance
    if said is None:
        poses = idle_track(slot.frames, rate, _seed(slot.kind, slot.text, speaker_id), style)
    elif said.speaker == speaker_id:
        poses = speaking_track(said, slot.frames, rate, slot.lead, _seed(said.digest, speaker_id), style, partner)
    else:
        cues = [end for _, end in prosody(said, slot.lead).phrases]
        seed = _seed(said.digest, "listens", speaker_id)
        poses = idle_track(slot.frames, rate, seed, style, listening_to=partner, cues=cues)
    return Performance(rate, _restored(_quantised(poses)))


def _driven(
    slot: Slot, speaker_id: str, rate: Fraction, style: Style, partner: float | None, template: MotionTemplate
) -> np.ndarray:
    said = slot.utterance
    if said is None:
        return driven_idle_track(template, slot.frames, rate, _seed(slot.kind, slot.text, speaker_id), style)
    if said.speaker == speaker_id:
        seed = _seed(said.digest, speaker_id)
        return driven_speaking_track(template, said, slot.frames, rate, slot.lead, seed, style, partner)
    cues = [end for _, end in prosody(said, slot.lead).phrases]
    seed = _seed(said.digest, "listens", speaker_id)
    return driven_idle_track(template, slot.frames, rate, seed, style, partner, cues)


def save_performance(path: Path, performance: Performance) -> None:
    """Write a performance as .npz; poses are rounded to 1/10000 of a unit, angles to 1/1000 of a degree."""
    rate = np.array([performance.rate.numerator, performance.rate.denominator], "<i8")
    arrays = {"channels": np.array(CHANNELS), "rate": rate, "poses": _quantised(performance.poses)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
            archive.writestr(entry, buffer.getvalue())


def load_performance(path: Path) -> Performance:
    """Read a performance; channels are matched by name, those a file lacks are zero.

    Raises `MediaError` for a file that is damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names, (over, under), stored = list(archive["channels"]), archive["rate"], archive["poses"]
            if stored.ndim != 2 or stored.shape[1] != len(names) or over <= 0 or under <= 0:
                raise ValueError("shapes do not fit")
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise MediaError("not a performance that can be read", "delete it: it will be made again", str(path)) from error
    ordered = np.zeros((len(stored), len(CHANNELS)), "<i2")
    for i, name in enumerate(CHANNELS):
        if name in names:
            ordered[:, i] = stored[:, names.index(name)]
    return Performance(Fraction(int(over), int(under)), _restored(ordered))


def _seed(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def _quantised(poses: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(poses.astype(np.float64) * _STEPS), -32767, 32767).astype("<i2")


def _restored(stored: np.ndarray) -> np.ndarray:
    return (stored / _STEPS).astype(np.float32)  # 0.12 comes back as the nearest float32 to 0.12
