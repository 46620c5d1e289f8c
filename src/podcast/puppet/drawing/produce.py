"""From a look to a host's folder: every layer rendered, cropped and saved, and the rig.yaml written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from podcast.puppet.drawing import body, details, look, paint
from podcast.puppet.drawing.face import Face, lid_edges, lip_edges
from podcast.puppet.drawing.people import ABOUT, BROWS, LOOKS, OUTFITS
from podcast.puppet.drawing.sdf import View, step

SCALE = 600.0  # canvas pixels per head unit: heads of 650 pixels
_LEFT, _TOP = -1.0, -0.80  # head units of the canvas' corner
_HEAD = (-0.62, -0.78, 0.62, 0.86)
_BODY = (-0.98, 0.44, 0.98, body.BOTTOM)
_COLLAR = (-0.36, 0.50, 0.36, 0.98)
_PIVOT = (0.0, 0.42, -0.10)
_NECK = (0.50, 0.74)  # where the neck leaves the head's motion
_FADE = (0.81, 0.72)  # the head layer's neck melts into the body's
# Faces with large eyes and a small nose look less turned than people's: a face tracker reads three quarters of the
# angle even where their true shape is turned. So depths are stretched about the cheeks; that the back of the head goes
# the other way keeps it over the neck.
_DEEPER, _CHEEKS = 1.7, 0.25  # times; z of what keeps its depth
_DEEPER_GLASSES = 1.95  # times, where glasses hide how deep a face is
_SLOPE = 2.1  # steepest depth of the turn: 20 degrees of yaw and 12 of pitch at once squeeze to 10%, and never fold
_DEPTHS = (-0.55, 0.85)  # head units from the pivot that the depth map can hold
_TRAVEL = (0.038, 0.036)  # of the iris for 25 degrees to the side and 18 up or down
_CREASE = 0.030
_QUALITY = 96  # WebP


class Folder:
    """Collects the layers of a host and writes them."""

    def __init__(self, path: Path, scale: float) -> None:
        self.path, self.scale = path, scale
        path.mkdir(parents=True, exist_ok=True)

    def save(self, name: str, rgba: np.ndarray, x0: float, y0: float, quality: int = _QUALITY) -> dict[str, Any]:
        """Crop straight RGBA to what is visible, write it, and return its entry for rig.yaml."""
        image = np.clip(np.rint(rgba), 0, 255).astype(np.uint8)
        rows, cols = (np.flatnonzero((image[..., 3] > 1).any(axis)) for axis in (1, 0))
        r0, r1, c0, c1 = max(rows[0] - 1, 0), rows[-1] + 2, max(cols[0] - 1, 0), cols[-1] + 2
        image = _bleed(image[r0:r1, c0:c1])
        bgra = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA)
        cv2.imwrite(str(self.path / f"{name}.webp"), bgra, [cv2.IMWRITE_WEBP_QUALITY, quality])
        x, y = self.px(x0, y0)
        return {"file": f"{name}.webp", "at": [round(float(x + c0), 2), round(float(y + r0), 2)]}

    def px(self, x: float, y: float) -> tuple[float, float]:
        """Return head units as canvas pixels."""
        return (x - _LEFT) * self.scale, (y - _TOP) * self.scale

    def point(self, x: float, y: float) -> list[float]:
        """Return a point for rig.yaml."""
        return [round(float(v), 2) for v in self.px(x, y)]

    def curve(self, x: np.ndarray, y: np.ndarray) -> list[list[float]]:
        """Return a curve for rig.yaml."""
        return [self.point(a, b) for a, b in zip(x, y, strict=True)]


def _bleed(image: np.ndarray) -> np.ndarray:
    """Give transparent pixels the colour of their neighbours, so that lossy coding and scaling keep clean edges."""
    weight = (image[..., 3] > 8).astype(np.float32)
    colour = image[..., :3].astype(np.float32)
    soft = cv2.GaussianBlur(colour * weight[..., None], (0, 0), 4)
    soft /= np.maximum(cv2.GaussianBlur(weight, (0, 0), 4), 1e-3)[..., None]
    out = image.copy()
    out[..., :3] = np.where(weight[..., None] > 0, colour, np.clip(soft, 0, 255))
    return out


def produce(name: str, path: Path, scale: float = SCALE) -> None:
    """Draw a host into a folder; the same input gives the same files."""
    lk, folder = LOOKS[name], Folder(path, scale)
    f = lk.face
    layers: dict[str, Any] = {}
    layers["body"], layers["collar"] = _body(folder, name)
    layers["head"], layers["depth"], crown = _head(folder, lk)
    if lk.glasses:
        layers["front"] = _front(folder, lk)
    mic = paint.picture(body.microphone, body.mic_painters(), View(0.3, 0.85, 1.0, body.BOTTOM, scale))
    layers["prop"] = folder.save("microphone", mic.rgba, 0.3, 0.85)
    rig = {
        "format": 1,
        **ABOUT[name],
        "crown": folder.point(0, max(crown, -0.60))[1],
        "chin": folder.point(0, f.chin_y + 0.070)[1],
        "pivot": folder.point(*_PIVOT[:2]),
        "neck": [folder.point(0, y)[1] for y in _NECK],
        "layers": {k: layers[k] for k in ("body", "head", "front", "collar", "prop", "depth") if k in layers},
        "eyes": _eyes(folder, lk),
        "brows": _brows(folder, name),
        "mouth": _mouth(folder, lk),
    }
    text = yaml.safe_dump(rig, sort_keys=False, default_flow_style=None, width=110)
    (path / "rig.yaml").write_text(text, encoding="utf-8")


def _head(folder: Folder, lk: look.Look) -> tuple[dict[str, Any], dict[str, Any], float]:
    view = View(*_HEAD, folder.scale)
    shot = paint.picture(look.scene(lk), look.painters(lk), view)
    x, y = view.grid()
    shot.rgba[..., 3] *= step(*_FADE, y) * step(0.30, 0.22, np.where(y > 0.57, np.abs(x), 0))
    top = float(y[(shot.rgba[..., 3] > 128).any(1), 0].min())
    z = details.behind_glasses(lk.face, lk.glasses, x, y, shot.z) if lk.glasses else shot.z
    z = _CHEEKS + (_DEEPER_GLASSES if lk.glasses else _DEEPER) * (z - _CHEEKS)
    return folder.save("head", shot.rgba, view.x0, view.y0), _depth(folder, z, view), top


def _depth(folder: Folder, z: np.ndarray, view: View) -> dict[str, Any]:
    """Save a softened depth map at a quarter of the size; what is outside continues its neighbours."""
    z = z[::4, ::4]
    inside = np.isfinite(z).astype(np.float32)
    value = np.where(inside > 0, z - _PIVOT[2], 0).astype(np.float32)
    near = cv2.GaussianBlur(value, (0, 0), 2) / np.maximum(cv2.GaussianBlur(inside, (0, 0), 2), 1e-3)
    wide = cv2.GaussianBlur(value, (0, 0), 16) / np.maximum(cv2.GaussianBlur(inside, (0, 0), 16), 1e-3)
    value = np.where(inside > 0, value, np.where(cv2.GaussianBlur(inside, (0, 0), 2) > 0.02, near, wide))
    value = cv2.GaussianBlur(_gentle(value, 4 / folder.scale), (0, 0), 0.012 * folder.scale / 4)
    low, high = _DEPTHS
    grey = np.clip(np.rint((value - low) / (high - low) * 255), 0, 255).astype(np.uint8)
    cv2.imwrite(str(folder.path / "depth.png"), grey, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    x, y = folder.px(view.x0, view.y0)
    return {
        "file": "depth.png",
        "at": [round(x, 2), round(y, 2)],
        "scale": 4.0,
        "near": round(high * folder.scale, 2),
        "far": round(low * folder.scale, 2),
    }


def _gentle(z: np.ndarray, pixel: float) -> np.ndarray:
    """Return the lowest surface over `z` no steeper than _SLOPE, so that a turn never folds the picture."""
    ring = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
    for i in range(160):
        kernel = ring if i % 2 else np.ones((3, 3), np.uint8)
        z = np.maximum(z, cv2.dilate(z, kernel) - np.float32(_SLOPE * pixel * (1.0 if i % 2 else 1.25)))
    return z


def _body(folder: Folder, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    lk, outfit = LOOKS[name], OUTFITS[name]
    view = View(*_BODY, folder.scale)
    scene = body.scene(lk.face, outfit)
    painters = body.painters(outfit, look.painters(lk)["skin"])
    shot = paint.picture(scene, painters, view)
    x, y = view.grid()
    chin = 1 - 0.50 * step(0.82, 0.53, y) * step(0.34, 0.12, np.abs(x - 0.03))
    shot.rgba[..., :3] *= chin[..., None] ** np.array([0.75, 1.0, 1.05], np.float32)
    clothes = tuple(n for n in painters if n != "skin")
    cut = paint.picture(scene, painters, View(*_COLLAR, folder.scale), show=clothes)
    bare = paint.picture(scene, painters, view, show=("skin",)).rgba[..., 3] / 255
    whole = _behind_neck(shot.rgba, bare, x, y, lk.face.neck)
    cx, cy = View(*_COLLAR, folder.scale).grid()
    row, col = (round((a - b) * folder.scale) for a, b in ((_COLLAR[1], view.y0), (_COLLAR[0], view.x0)))
    collar = shot.rgba[row : row + cx.shape[0], col : col + cx.shape[1]].copy()
    edge = step(0.35, 0.31, np.abs(cx)) * step(0.97, 0.93, cy)
    collar[..., 3] = cut.rgba[..., 3] * edge
    return folder.save("body", whole, view.x0, view.y0), folder.save("collar", collar, _COLLAR[0], _COLLAR[1])


def _behind_neck(rgba: np.ndarray, bare: np.ndarray, x: np.ndarray, y: np.ndarray, neck: float) -> np.ndarray:
    """Return the body without its neck, which is the head's, and with the inside of the collar behind it."""
    ax = np.abs(x)
    worn = (rgba[..., 3] / 255 * (1 - bare) > 0.5) & (ax > neck) & (ax < neck + 0.16)
    rim = float(y[worn].min())
    peak = float(ax[worn & (y < rim + 0.004)].mean())
    cloth = np.median(rgba[worn & (y < rim + 0.10)][:, :3], axis=0)
    whole = rgba.copy()
    above = step(neck + 0.016, neck - 0.012, ax) * step(0.69, 0.61, y)
    spikes = step(rim + 0.016, rim + 0.006, y) * (ax < peak)
    whole[..., 3] *= 1 - np.maximum(above, spikes) * bare
    inside = step(rim + 0.004, rim + 0.012, y) * (ax < peak) * (y < 0.85) * 255
    shade = 0.50 - 0.28 * step(rim, rim + 0.16, y)
    return _over(np.dstack([cloth * shade[..., None], inside]), whole)


def _front(folder: Folder, lk: look.Look) -> dict[str, Any]:
    view = View(-0.45, -0.16, 0.45, 0.26, folder.scale)
    frames, head = details.glasses(lk.face, lk.glasses), look.scene(lk)
    paints = look.painters(lk) | details.glasses_painter(lk.glasses_colour)
    shot = paint.picture(lambda p: head(p) | frames(p), paints, view, show=("frame",))  # hair may hide the arms
    frame = shot.rgba
    x, _ = view.grid()
    frame[..., 3] *= step(0.365, 0.345, np.abs(x))
    alpha = frame[..., 3]
    s = folder.scale
    drop = cv2.GaussianBlur(alpha, (0, 0), 0.010 * s)
    drop = cv2.warpAffine(drop, np.array([[1, 0, 0.010 * s], [0, 1, 0.022 * s]]), alpha.shape[::-1]) * 0.42
    dark = np.dstack([np.full(alpha.shape, 50.0), np.full(alpha.shape, 22.0), np.full(alpha.shape, 16.0), drop])
    return folder.save("glasses", _over(_over(dark, details.lens_glare(lk.face, view)), frame), view.x0, view.y0)


def _over(under: np.ndarray, upon: np.ndarray) -> np.ndarray:
    a, b = upon[..., 3:] / 255, under[..., 3:] / 255
    alpha = a + b * (1 - a)
    rgb = (upon[..., :3] * a + under[..., :3] * b * (1 - a)) / np.maximum(alpha, 1e-4)
    return np.dstack([rgb, alpha * 255]).astype(np.float32)


def _eyes(folder: Folder, lk: look.Look) -> dict[str, Any]:
    f, s = lk.face, folder.scale
    disc = details.iris(lk.iris, s)
    spec_iris = folder.save("iris", disc, 0, 0, 98) | {"at": [0.0, 0.0]}
    glint = details.shine(s)
    out: dict[str, Any] = {}
    for name, side in (("left", -1), ("right", 1)):
        x = side * (f.eye_x + side * np.linspace(-1, 1, 25) * f.eye_w)
        top, low = lid_edges(f, np.abs(x))
        cx, cy = side * f.eye_x, f.eye_y - 0.5 * (f.eye_top - f.eye_low) * 0.6
        half = glint.shape[0] / 2 / s
        out[name] = {
            "centre": folder.point(cx, cy),
            "travel": [round(_TRAVEL[0] * s, 2), round(_TRAVEL[1] * s, 2)],
            "iris": dict(spec_iris),
            "shine": folder.save("shine", glint, cx - half, cy - half, 98),
            "crease": round(_CREASE * s, 2),
            "lid": _lid(folder, lk, name, side),
            "upper": folder.curve(x, top),
            "lower": folder.curve(x, low),
        }
    return out


def _lid(folder: Folder, lk: look.Look, name: str, side: int) -> dict[str, Any]:
    f = lk.face
    x0 = side * f.eye_x - f.eye_w - 0.06
    view = View(x0, f.eye_y - 0.17, x0 + 2 * f.eye_w + 0.12, f.eye_y + 0.12, folder.scale)
    big = View(x0 - 0.1, view.y0 - 0.1, view.x1 + 0.1, view.y1 + 0.1, folder.scale)
    shot = paint.picture(look.scene(lk, shut=True), look.painters(lk, shut=True), big)
    m = round(0.1 * folder.scale)
    rgba = shot.rgba[m : m + view.shape[0], m : m + view.shape[1]].copy()
    x, y = view.grid()
    ax = np.abs(x)
    top, low = lid_edges(f, ax)
    fold = top - _CREASE
    t = np.abs(ax - f.eye_x) / f.eye_w
    rgba[..., 3] *= step(-0.014, 0.002, y - fold) * step(0.014, 0.007, y - low) * step(1.20, 1.02, t)
    return folder.save(f"lid_{name}", rgba, view.x0, view.y0)


def _brows(folder: Folder, name: str) -> dict[str, Any]:
    out = {}
    for side_name, side in (("left", -1), ("right", 1)):
        x0, x1 = (0.03, 0.32) if side > 0 else (-0.32, -0.03)
        view = View(x0, -0.19, x1, 0.0, folder.scale)
        out[side_name] = folder.save(
            f"brow_{side_name}", details.brow(BROWS[name], LOOKS[name].brow_colour, view, side), view.x0, view.y0
        )
    return out


def _mouth(folder: Folder, lk: look.Look) -> dict[str, Any]:
    f: Face = lk.face
    x = np.linspace(-1, 1, 25) * f.mouth_w
    top, line, low = lip_edges(f, x)
    y = f.mouth_y
    view = View(-0.12, y - 0.06, 0.12, y + 0.06, folder.scale)
    parts = {
        "teeth_upper": details.teeth(view, y, True),
        "teeth_lower": details.teeth(view, y, False),
        "tongue": details.tongue(view, y),
    }
    return {
        "top": folder.curve(x, top),
        "line": folder.curve(x, line),
        "low": folder.curve(x, low),
        **{n: folder.save(n, image, view.x0, view.y0) for n, image in parts.items()},
        "cavity": "#3a0f12",
        "drop": 0.095,
    }
