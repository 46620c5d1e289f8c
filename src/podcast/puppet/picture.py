"""Pictures as people have them (turned by EXIF, transparent, CMYK, 16 bits, animated) made upright RGB."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from podcast.errors import MediaError

_MOST_PIXELS = 200_000_000  # 600 MB as RGB; an 8K picture has 33 million
UNDER = 160  # grey put under transparent pixels, so that networks meet nothing strange
_SEE_THROUGH = 0.02  # share of transparent pixels from which alpha is taken for a cut-out
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")  # brands of what telephones photograph in
_WIDE_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # grey with more than 8 bits
_FRAME = 0.15  # of the shorter side: wider is no frame (letterbox bars are up to 0.125)
_PLAIN, _WHOLE = 16.0, 0.95  # grey levels from a frame's colour, and the share of a row that is within
_SAMPLES = 256  # pixels of a row that are looked at
_STEP, _ALONG = 25.0, 0.6  # grey levels from frame to picture, and the share of a row that steps by that


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture."""

    rgb: np.ndarray  # uint8 (h, w, 3), sRGB; transparent parts lie over grey
    alpha: np.ndarray | None  # float32 (h, w) in 0 … 1 if the picture is a cut-out


def read_picture(path: Path | str) -> Picture:
    """Read a picture file; of an animated one, the first frame.

    Raises:
        MediaError: the file is missing, damaged, no picture, or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is refused below, and of odd metadata
            return _read(Path(path))
    except FileNotFoundError as error:
        raise MediaError("there is no such picture", "check avatar.source_image", str(path)) from error
    except UnidentifiedImageError as error:
        raise MediaError(*_what_it_is(Path(path)), str(path)) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MediaError(
            f"this picture cannot be read ({error})", "save it as PNG or JPEG and try again", str(path)
        ) from error


def _what_it_is(path: Path) -> tuple[str, str]:
    """Return what a file is that is no picture, by its first bytes, and what would be right."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "this is a HEIC picture, which cannot be read here", "share or export it as JPEG, and use that"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") or head[:4] in (b"\x1aE\xdf\xa3", b"RIFF"):
        return "this is a video, not a picture", "save one of its frames as PNG or JPEG: eyes open, lips closed"
    return "this is no picture that can be read", "save it as PNG or JPEG and try again"


def _read(path: Path) -> Picture:
    with Image.open(path) as file:
        if file.width * file.height > _MOST_PIXELS:
            raise ValueError(f"{file.width} x {file.height} pixels are too many")
        file.draft("RGB", None)  # type: ignore[no-untyped-call]
        image: Image.Image = ImageOps.exif_transpose(file)
        image.load()
    if image.mode in _WIDE_MODES:
        return Picture(_narrow(np.asarray(image)), None)
    if "A" not in image.mode and "a" not in image.mode and "transparency" not in image.info:
        return Picture(np.array(_to_srgb(image)), None)
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    rgb = np.rint(rgba[..., :3] * alpha + UNDER * (1 - alpha)).astype(np.uint8)
    cut_out = np.mean(alpha < 0.5) > _SEE_THROUGH
    return Picture(rgb, alpha[..., 0] if cut_out else None)


def _narrow(grey: np.ndarray) -> np.ndarray:
    """Return 8-bit RGB from grey of any depth; what uses less than the depth's full range is spread over it."""
    values = np.nan_to_num(grey.astype(np.float32))
    top = 65535.0 if grey.dtype != np.float32 and values.max() > 255 else float(max(values.max(), 1e-6))
    if values.max() > 65535:
        top = float(values.max())
    return np.repeat(np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8)[..., None], 3, 2)


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            done = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if done is not None:
                return done
    return image.convert("RGB")


def without_frame(picture: Picture) -> Picture:
    """Return a picture without the plain frame around it (paper, letterbox bars): none of it is the person's."""
    if picture.alpha is not None:
        return picture
    rgb, most = picture.rgb, int(_FRAME * min(picture.rgb.shape[:2]))
    for turns in (*range(4), *range(4)):  # a side that ended in the corners of others shows itself once those are gone
        side = np.rot90(rgb, turns)
        rgb = np.rot90(side[_frame_width(side, most) :], -turns)
    return Picture(np.ascontiguousarray(rgb), None)


def _frame_width(rgb: np.ndarray, most: int) -> int:
    """Return how many rows at the top are a plain frame: all of one colour, then another picture along the edge."""
    lines = rgb[: most + 3, :: max(1, rgb.shape[1] // _SAMPLES)].astype(np.float32)
    away = np.abs(lines - np.median(lines, axis=1, keepdims=True)).max(2)
    plain = np.mean(away < _PLAIN, axis=1) > _WHOLE
    count = int(plain.argmin()) if not plain.all() else 0
    if count == 0 or count > most or count + 2 > len(lines):
        return 0
    step = np.abs(lines[count + 1] - lines[:count].mean((0, 1))).max(1)  # a row further: edges are soft
    return count + 1 if np.mean(step > _STEP) > _ALONG else 0
