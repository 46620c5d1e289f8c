"""The heads' shape: skull, features, eye openings and lips as one distance field, steered by a `Face`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from podcast.puppet.drawing.sdf import Points, ball, bell, carve, ellipsoid, join, limb, step


@dataclass(frozen=True)
class Face:
    """What makes a face its own; lengths in head units (see `sdf`)."""

    skull: float = 0.365  # half width at the temples
    face: float = 0.285  # half width of the face below
    cheek: float = 0.080  # size of the cheek bones
    cheek_y: float = 0.135
    jaw: float = 0.075  # size of the jaw's angles
    jaw_x: float = 0.175
    chin: float = 0.080  # half width
    chin_y: float = 0.425
    chin_z: float = 0.205
    brow_ridge: float = 0.022
    eye_x: float = 0.155
    eye_y: float = 0.035
    eye_w: float = 0.088  # half width of the opening
    eye_top: float = 0.058  # heights of the opening above and below the line of its corners
    eye_low: float = 0.036
    eye_tilt: float = 0.08  # slope of the corner line, outer corner up
    eye_ball: float = 0.118
    eye_z: float = 0.186
    lid: float = 0.013  # thickness
    nose_w: float = 0.040  # half distance of the wings
    nose_y: float = 0.192
    nose_z: float = 0.398
    nose_tip: float = 0.042
    bridge: float = 0.024
    bridge_z: float = 0.312
    wing: float = 0.028
    mouth_y: float = 0.305
    mouth_w: float = 0.112  # half width
    lip_top: float = 0.030
    lip_low: float = 0.038
    lip_out: float = 0.022  # how far the lips stand out
    corner_up: float = 0.016
    ear: float = 1.0
    neck: float = 0.145
    wrinkles: float = 0.0
    folds: float = 0.0  # folds from the nose to the mouth


def lid_edges(f: Face, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return y of the upper and the lower edge of the open eye at |x|, in head units."""
    t = np.clip((x - f.eye_x) / f.eye_w, -1, 1)
    line = f.eye_y - f.eye_tilt * (x - f.eye_x)
    top = line - f.eye_top * (1 - np.abs(t + 0.10 * (1 - t * t)) ** 2.3) ** 0.80
    low = line + f.eye_low * (1 - np.abs(t - 0.14 * (1 - t * t)) ** 2.2) ** 0.85
    return top, low


def lip_edges(f: Face, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y of the upper lip's outer edge, of the line between the lips and of the lower lip's outer edge."""
    t = np.clip(np.abs(x) / f.mouth_w, 0, 1)
    line = f.mouth_y + 0.004 * bell(t, 0.22) - f.corner_up * t**2.2
    top = line - f.lip_top * (1 - t**1.9) * (1 + 0.16 * bell(t - 0.24, 0.16) - 0.16 * bell(t, 0.12))
    low = line + f.lip_low * (1 - t**2.4) ** 0.9
    return top, line, low


def _mouth_relief(f: Face, p: Points) -> np.ndarray:
    x, y, z = p
    top, line, low = lip_edges(f, x)
    upper = np.clip((y - top) / np.maximum(line - top, 1e-3), 0, 1)
    lower = np.clip((low - y) / np.maximum(low - line, 1e-3), 0, 1)
    s = np.where(y < line, upper, lower)
    side = np.sqrt(np.clip(1 - (x / (f.mouth_w * 1.02)) ** 2, 0, 1))
    bulge = f.lip_out * np.sin(np.pi * np.clip(s * 0.62 + 0.03, 0, 1)) * side * np.where(y < line, 0.85, 1.0)
    inside = np.clip(1.08 - np.abs(x) / f.mouth_w, 0, 0.12) / 0.12
    crease = 0.016 * bell(y - line, 0.0075) * inside
    corner = 0.014 * bell(np.abs(x) - f.mouth_w * 1.03, 0.016) * bell(y - (f.mouth_y - f.corner_up), 0.016)
    below = 0.012 * bell(y - f.mouth_y - f.lip_low - 0.026, 0.02) * bell(x, 0.07)
    philtrum = 0.006 * bell(x, 0.013) * bell(y - f.mouth_y + f.lip_top + 0.022, 0.022)
    return (bulge * (s > 0) - crease - corner - below - philtrum) * (z > 0.1)


def _age_relief(f: Face, p: Points) -> np.ndarray:
    x, y, z = p
    ax = np.abs(x)
    fold_x = f.nose_w + 0.028 + 0.075 * np.clip((y - f.nose_y + 0.01) / 0.13, 0, 1) ** 0.8
    fold = (
        bell(ax - fold_x, 0.011)
        * step(f.nose_y - 0.03, f.nose_y + 0.02, y)
        * step(f.mouth_y + 0.03, f.mouth_y - 0.03, y)
    )
    plump = bell(ax - fold_x - 0.035, 0.035) * bell(y - f.nose_y - 0.05, 0.07)
    out = f.folds * (-0.010 * fold + 0.010 * plump)
    if f.wrinkles:
        lines = np.sin((y + 0.006 * np.cos(x * 14) + 0.02 * x) * 165)
        brow = bell(y + 0.165, 0.055) * step(0.26, 0.10, ax) * np.clip(lines, -0.2, 1)
        bag = bell(y - (f.eye_y + f.eye_low + 0.030 - 0.6 * (ax - f.eye_x) ** 2), 0.010) * bell(
            ax - f.eye_x + 0.01, 0.075
        )
        crow = np.clip(np.sin(np.arctan2(y - f.eye_y, ax - f.eye_x - f.eye_w + 0.03) * 11), 0, 1)
        crow = crow * bell(ax - f.eye_x - f.eye_w - 0.035, 0.028) * bell(y - f.eye_y, 0.05)
        out = out - f.wrinkles * (0.0035 * brow + 0.006 * bag + 0.004 * crow)
    return out * (z > 0)


def opening(f: Face, p: Points) -> np.ndarray:
    """Return a bound on the distance to the eye openings, prisms along z."""
    ax = np.abs(p[0])
    top, low = lid_edges(f, ax)
    return np.maximum(np.maximum(top - p[1], p[1] - low), np.abs(ax - np.float32(f.eye_x)) - np.float32(f.eye_w))


def eyeballs(f: Face, p: Points) -> np.ndarray:
    """Return the distance to the eyeballs."""
    return ball((np.abs(p[0]), p[1], p[2]), (f.eye_x, f.eye_y, f.eye_z), f.eye_ball)


def skin(f: Face, p: Points, shut: bool = False) -> np.ndarray:
    """Return the distance to head and neck; `shut` closes the eyes."""
    x, y, z = p
    q = (np.abs(x), y, z)
    d = ellipsoid(p, (0, -0.10, -0.06), (f.skull, 0.40, 0.42))
    d = join(d, ellipsoid(p, (0, 0.15, 0.04), (f.face, 0.33, 0.30)), 0.12)
    d = join(d, ellipsoid(q, (0.175, f.cheek_y, 0.19), (f.cheek + 0.02, f.cheek, f.cheek + 0.01)), 0.10)
    d = join(d, ellipsoid(q, (f.jaw_x, 0.30, 0.06), (f.jaw, 0.09, 0.13)), 0.10)
    d = join(d, ellipsoid(p, (0, f.chin_y, f.chin_z), (f.chin, 0.072, 0.082)), 0.10)
    d = join(d, ellipsoid(p, (0, f.mouth_y, 0.235), (0.135, 0.10, 0.095)), 0.08)
    d = join(d, limb(q, (0.05, -0.062, 0.290), (0.23, -0.055, 0.20), f.brow_ridge, f.brow_ridge), 0.07)
    d = carve(d, ellipsoid(q, (f.eye_x, f.eye_y, 0.365), (0.115, 0.078, 0.085)), 0.06)
    d = join(d, ball(q, (f.eye_x, f.eye_y, f.eye_z), f.eye_ball + f.lid), 0.022)
    d = _nose(f, d, p, q)
    d = d - _mouth_relief(f, p) - _age_relief(f, p)
    if not shut:
        front = np.maximum(opening(f, p), f.eye_z - z)
        d = carve(d, front, 0.010)
    d = _ears(f, d, q)
    neck = limb(p, (0, 0.28, -0.11), (0, 1.05, -0.17), f.neck, f.neck + 0.012)
    neck = join(neck, limb(q, (0.15, 0.30, -0.10), (0.03, 0.90, 0.02), 0.02, 0.022), 0.06)
    return join(d, neck, 0.035)


def _nose(f: Face, d: np.ndarray, p: Points, q: Points) -> np.ndarray:
    d = join(d, limb(p, (0, 0.0, f.bridge_z), (0, f.nose_y - 0.02, f.nose_z - 0.015), f.bridge, f.bridge + 0.010), 0.05)
    d = join(d, ball(p, (0, f.nose_y - 0.003, f.nose_z), f.nose_tip), 0.035)
    d = join(
        d, ellipsoid(q, (f.nose_w, f.nose_y + 0.010, f.nose_z - 0.040), (f.wing, f.wing * 0.86, f.wing * 1.2)), 0.020
    )
    return carve(d, ellipsoid(q, (f.nose_w * 0.55, f.nose_y + 0.036, f.nose_z - 0.014), (0.015, 0.010, 0.024)), 0.014)


def _ears(f: Face, d: np.ndarray, q: Points) -> np.ndarray:
    x, y, z = q
    lean = (x, y, z - (y - 0.07) * np.float32(0.25))
    s = f.ear
    ear = ellipsoid(lean, (f.skull + 0.004, 0.075, -0.06), (0.044 * s, 0.088 * s, 0.050 * s))
    lobe = ball(lean, (f.skull - 0.010, 0.155, -0.055), 0.026 * s)
    ear = join(ear, lobe, 0.02)
    ear = carve(ear, ellipsoid(lean, (f.skull + 0.020, 0.070, -0.010), (0.022 * s, 0.054 * s, 0.022 * s)), 0.018)
    return join(d, ear, 0.022)
