"""The styles a cue's words can vote for: tempo, modes, instruments and ways of playing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """A way of making music; tuples are choices, of which the cue's seed takes one.

    Axes are 0..1. An instrument of "" leaves its role out.
    """

    tempo: tuple[int, int]  # beats per minute, at the least and the greatest energy
    modes: tuple[str, ...]
    tags: tuple[str, ...]  # of progressions that suit it
    pad: tuple[str, ...]
    keys: tuple[str, ...]
    bass: tuple[str, ...]
    motif: tuple[str, ...]
    arp: tuple[str, ...] = ("",)
    kit: str = ""
    default_kit: str = "shaker"  # when percussion is asked for and the style has none
    comping: str = "block"
    arpeggio: str = "broken"
    bassline: str = "root"
    energy: float = 0.4
    density: float = 0.5
    bright: float = 0.5
    space: float = 0.5
    tension: float = 0.0
    level: float = 0.0  # dB against the other styles
    swing: float = 0.0  # of an eighth's length by which off-beats come late


STYLES: dict[str, Style] = {
    "calm": Style(
        (64, 84), ("ionian", "lydian", "mixolydian"), ("calm", "warm"), ("warm", "strings"), ("felt", "epiano",
            "guitar"),
        ("sub", "upright"), ("celesta", "felt", "kalimba"), ("harp", "guitar", ""), "", "shaker", "broken", "broken",
        energy=0.35, density=0.45, bright=0.4, space=0.5,
    ),
    "meditation": Style(
        (48, 60), ("lydian", "ionian", "dorian"), ("still", "calm"), ("warm", "choir", "glass"), ("",), ("drone",
            "sub"),
        ("bowl", "bells"), ("", "kalimba"), "", "shaker", "swell", "sparse", "pedal", energy=0.1, density=0.15,
        bright=0.35, space=0.95, level=-2.0,
    ),
    "ambient": Style(
        (56, 72), ("lydian", "mixolydian", "dorian", "ionian"), ("still", "float"), ("glass", "warm", "choir"), ("",
            "felt"),
        ("sub",), ("bells", "celesta", "epiano"), ("pluck", "kalimba", "harp"), "", "shaker", "swell", "sparse", "root",
        energy=0.2, density=0.3, bright=0.45, space=0.9, level=-1.0,
    ),
    "contemplative": Style(
        (60, 76), ("dorian", "aeolian", "ionian"), ("thought", "warm"), ("strings", "warm"), ("felt", "piano"),
            ("upright", "sub"),
        ("felt", "flute", "vibes"), ("", "harp"), "", "brushes", "block", "broken", "root", energy=0.3, density=0.35,
        bright=0.4, space=0.6,
    ),
    "melancholy": Style(
        (56, 70), ("aeolian", "dorian"), ("sad", "thought"), ("strings",), ("felt", "piano"), ("upright", "sub"),
        ("felt", "flute", "lead"), ("", "guitar"), "", "brushes", "broken", "broken", "root", energy=0.25, density=0.4,
        bright=0.35, space=0.6,
    ),
    "mysterious": Style(
        (66, 84), ("harmonic", "phrygian", "dorian"), ("strange",), ("dark", "glass", "strings"), ("epiano", "felt"),
        ("sub", "upright"), ("celesta", "bells", "vibes"), ("pizzicato", "harp", "kalimba"), "", "heartbeat", "swell",
            "sparse",
        "root", energy=0.35, density=0.4, bright=0.4, space=0.8, tension=0.5,
    ),
    "suspense": Style(
        (84, 108), ("aeolian", "phrygian", "harmonic"), ("tense", "strange"), ("tremolo", "dark"), ("",), ("sub",
            "synthbass"),
        ("piano", "bells"), ("pizzicato", "pluck"), "heartbeat", "heartbeat", "swell", "ostinato", "pulse", energy=0.5,
        density=0.5, bright=0.4, space=0.6, tension=0.8,
    ),
    "dark": Style(
        (56, 72), ("phrygian", "aeolian", "harmonic"), ("tense", "sad"), ("dark", "drone"), ("",), ("drone", "sub"),
            ("bowl", "bells"),
        ("", "pluck"), "", "toms", "swell", "sparse", "pedal", energy=0.3, density=0.3, bright=0.15, space=0.85,
            tension=0.7,
    ),
    "wonder": Style(
        (76, 96), ("lydian", "ionian"), ("wonder",), ("strings", "choir", "glass"), ("piano", "felt"), ("upright",
            "sub"),
        ("celesta", "bells", "musicbox"), ("harp",), "", "toms", "block", "cascade", "root", energy=0.5, density=0.6,
            bright=0.65,
        space=0.75,
    ),
    "upbeat": Style(
        (104, 124), ("ionian", "mixolydian"), ("happy",), ("warm",), ("guitar", "piano"), ("upright", "synthbass"),
        ("marimba", "kalimba", "vibes"), ("pluck", "guitar", "marimba"), "claps", "claps", "offbeat", "broken",
            "bounce",
        energy=0.75, density=0.65, bright=0.65, space=0.3, level=1.0,
    ),
    "playful": Style(
        (100, 124), ("ionian", "mixolydian", "lydian"), ("happy",), ("",), ("piano", "guitar"), ("upright",),
            ("musicbox", "marimba"),
        ("pizzicato",), "shaker", "shaker", "offbeat", "broken", "bounce", energy=0.6, density=0.5, bright=0.6,
            space=0.3,
    ),
    "corporate": Style(
        (96, 116), ("ionian", "mixolydian"), ("hope",), ("warm", "strings"), ("piano", "guitar"), ("synthbass",
            "upright"),
        ("bells", "marimba", "celesta"), ("pluck", "guitar"), "pop", "pop", "pulse", "broken", "pulse", energy=0.6,
            density=0.6,
        bright=0.6, space=0.4,
    ),
    "news": Style(
        (108, 124), ("aeolian", "dorian", "mixolydian"), ("drive",), ("strings",), ("piano", "epiano"), ("synthbass",),
        ("bells", "piano"), ("pluck",), "news", "news", "pulse", "ostinato", "pulse", energy=0.75, density=0.7,
            bright=0.55,
        space=0.35, tension=0.3, level=1.0,
    ),
    "electronic": Style(
        (100, 122), ("dorian", "aeolian", "mixolydian"), ("drive", "float"), ("warm", "glass"), ("epiano", ""),
            ("synthbass", "sub"),
        ("lead", "pluck"), ("pluck",), "electronic", "electronic", "pulse", "sequence", "pulse", energy=0.7,
            density=0.65, bright=0.6,
        space=0.4, level=0.5,
    ),
    "synthwave": Style(
        (88, 104), ("aeolian", "dorian"), ("drive", "sad"), ("warm",), ("",), ("synthbass",), ("lead",), ("pluck",),
            "electronic",
        "electronic", "pulse", "sequence", "octaves", energy=0.65, density=0.65, bright=0.55, space=0.5,
    ),
    "lofi": Style(
        (70, 86), ("dorian", "ionian", "aeolian"), ("jazz",), ("warm", ""), ("epiano", "felt"), ("upright", "sub"),
            ("vibes", "kalimba", "guitar"),
        ("", "guitar"), "lofi", "lofi", "stabs", "broken", "syncopated", energy=0.4, density=0.5, bright=0.3,
            space=0.35, swing=0.22,
    ),
    "jazz": Style(
        (92, 126), ("ionian", "dorian"), ("jazz",), ("",), ("piano", "epiano"), ("upright",), ("vibes", "guitar",
            "flute"), ("",), "brushes",
        "brushes", "stabs", "broken", "walking", energy=0.5, density=0.5, bright=0.45, space=0.3, swing=0.30,
    ),
    "folk": Style(
        (84, 108), ("ionian", "mixolydian", "dorian"), ("warm", "happy"), ("", "warm"), ("guitar",), ("upright",),
            ("flute", "kalimba"),
        ("guitar",), "folk", "folk", "strum", "broken", "bounce", energy=0.5, density=0.5, bright=0.55, space=0.3,
    ),
    "cinematic": Style(
        (72, 92), ("aeolian", "dorian", "ionian"), ("epic",), ("strings", "choir"), ("piano",), ("sub", "upright"),
            ("flute", "bells", "lead"),
        ("harp", "pizzicato"), "toms", "toms", "block", "ostinato", "root", energy=0.55, density=0.6, bright=0.5,
            space=0.85, tension=0.3,
        level=0.5,
    ),
}  # fmt: skip
DEFAULT_STYLE = "calm"
