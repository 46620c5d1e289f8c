"""Our four presenters."""

from __future__ import annotations

from podcast.puppet.drawing.body import Outfit
from podcast.puppet.drawing.details import BrowShape
from podcast.puppet.drawing.face import Face
from podcast.puppet.drawing.look import Look

LOOKS = {
    "maya": Look(
        Face(skull=0.360, face=0.275, jaw=0.062, jaw_x=0.165, chin=0.070, chin_y=0.418, cheek=0.083, neck=0.128,
             eye_w=0.092, eye_top=0.057, eye_low=0.039, eye_tilt=0.12, nose_w=0.036, nose_tip=0.037, bridge=0.020,
             wing=0.025, nose_z=0.392, mouth_w=0.105, lip_top=0.032, lip_low=0.042, brow_ridge=0.014),
        "bob", skin="#c08560", blush="#b4503c", lips="#b03f40", hair_colour="#1d120d", brow_colour="#1e130e",
        iris="#5b3517", shadow="#7d4a3a", lashes=0.0095,
    ),
    "finn": Look(
        Face(skull=0.362, face=0.292, jaw=0.085, jaw_x=0.185, chin=0.092, chin_y=0.430, neck=0.160, brow_ridge=0.030,
             eye_w=0.086, eye_top=0.050, eye_low=0.037, eye_tilt=0.02, nose_w=0.042, nose_tip=0.044, nose_z=0.410,
             bridge=0.027, bridge_z=0.322, lip_top=0.022, lip_low=0.032, mouth_w=0.108),
        "quiff", skin="#dfa988", blush="#cf6a52", lips="#bb6a5c", hair_colour="#5a3219", brow_colour="#51301b",
        iris="#3f7190", beard="#5d341a", glasses="round", freckles=0.25, lashes=0.005, hair_shine=0.55,
    ),
    "grace": Look(
        Face(skull=0.358, face=0.283, jaw=0.066, chin=0.076, chin_y=0.420, cheek=0.090, cheek_y=0.130, neck=0.132,
             eye_w=0.091, eye_top=0.054, eye_low=0.038, eye_tilt=0.10, nose_w=0.049, nose_tip=0.044, wing=0.033,
             bridge=0.024, bridge_z=0.302, nose_z=0.388, mouth_w=0.114, lip_top=0.040, lip_low=0.049, lip_out=0.027,
             folds=0.45, brow_ridge=0.016),
        "coils", skin="#7a4a31", blush="#7d3026", lips="#7e2f33", hair_colour="#1c130f", brow_colour="#140d0a",
        iris="#3a2112", shadow="#6d3a2a", lashes=0.0085, earrings=True,
    ),
    "kenji": Look(
        Face(skull=0.368, face=0.290, jaw=0.068, jaw_x=0.172, chin=0.088, chin_y=0.425, cheek=0.088, cheek_y=0.120,
             neck=0.148, eye_w=0.087, eye_top=0.040, eye_low=0.030, eye_tilt=0.12, eye_z=0.190, nose_w=0.043,
             nose_tip=0.041, bridge_z=0.300, nose_z=0.388, lip_top=0.022, lip_low=0.031, mouth_w=0.110, ear=1.12,
             wrinkles=1.0, folds=1.0, brow_ridge=0.020),
        "combed", skin="#d8a57c", blush="#bf6a4e", lips="#ad6a5b", hair_colour="#a3a3a6", brow_colour="#6a6766",
        iris="#33200f", spots=0.7, lashes=0.005, hair_shine=0.35,
    ),
}

OUTFITS = {
    "maya": Outfit("sweater", "#d79b2e", build=0.90),
    "finn": Outfit("jacket", "#2f4a44", inner="#d9d3c6", trim="#2a423d", build=1.06),
    "grace": Outfit("blazer", "#6d2440", inner="#efe6d8", trim="#5f1e37", build=0.94),
    "kenji": Outfit("cardigan", "#2d4a6b", inner="#e6e9ee", trim="#263f5c", build=1.0),
}

BROWS = {
    "maya": BrowShape(arch=0.024, thick=0.0165, y=-0.084, tail=-0.004),
    "finn": BrowShape(arch=0.016, thick=0.0215, y=-0.082, tail=-0.006),
    "grace": BrowShape(arch=0.027, thick=0.0160, y=-0.084, tail=-0.002),
    "kenji": BrowShape(arch=0.014, thick=0.0190, y=-0.078, tail=-0.012, dense=0.9),
}

_LICENCE = "Apache-2.0"
ABOUT = {
    "maya": {"name": "Maya", "gender": "female",
             "about": "In her early thirties, dark bob, mustard jumper; warm and quick.",
             "licence": _LICENCE, "accent": "#d79b2e"},
    "finn": {"name": "Finn", "gender": "male",
             "about": "Mid-thirties, beard and round glasses, green overshirt; curious and dry.",
             "licence": _LICENCE, "accent": "#3f8f7d"},
    "grace": {"name": "Grace", "gender": "female",
             "about": "Mid-forties, natural curls, gold hoops, plum blazer; composed and bright.",
              "licence": _LICENCE, "accent": "#a8385f"},
    "kenji": {"name": "Kenji", "gender": "male",
             "about": "In his sixties, grey hair, blue cardigan; calm, with a twinkle.",
              "licence": _LICENCE, "accent": "#3f6ea6"},
}
