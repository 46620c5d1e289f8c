"""What words about music mean: stems of words that vote for a style, lean on its axes or name an instrument.

A row is "stems": "meaning". A stem matches the beginning of a word, or the whole of it when it ends in "$";
"_" stands for a blank. A meaning is a list of `name=amount`: the name of a style (a vote) or of an axis.

Axes: `energy`, `density`, `bright`, `space`, `tension` in steps of about 0.1 of their range; `level` in dB;
`tempo` in percent; `valence` (below zero: minor modes); `build` (a crescendo of layers).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeVar

MEANINGS = {
    # calm and inward
    "calm peace seren tranquil relax sooth restful easy placid": "calm=3 energy=-1 valence=1",
    "meditat mindful yoga breath zen spa$ healing chakra": "meditation=5 energy=-2 space=1 density=-1",
    "sleep lullab dream drowsy bedtime night": "calm=1 meditation=1 energy=-2 level=-1 space=1 bright=-1 tempo=-6",
    "ambien atmospher ethereal float drift airy spacious weightless": "ambient=3 energy=-1 space=1",
    "flow ocean water wave river stream": "ambient=1 calm=1 density=1",
    "minimal sparse bare simple understated spare": "ambient=1 density=-2 energy=-1",
    "texture soundscape wash$ evolving": "ambient=2 space=1",
    "contemplat thoughtful reflect pensive introspect philosoph ponder": "contemplative=4 energy=-1 density=-1",
    "sad melanchol sorrow grief mourn lonel heartbreak wistful bittersweet somb": "melancholy=4 valence=-2 energy=-1",
    "nostalg memor longing yearn": "melancholy=2 contemplative=1 bright=-1",
    "warm cozy cosy comfort tender intimate heartfelt kind mellow smooth": "calm=2 bright=-1 valence=1",
    "gentl unobtrusive": "calm=2 energy=-1 level=-0.5 density=-0.5",
    "emotion moving touching poignant": "contemplative=2 cinematic=1",
    "love romant": "calm=2 contemplative=1 valence=1",
    # dark and tense
    "myster enigma secret curious curiosity intrig puzzl riddle detective noir$": "mysterious=4 tension=1 valence=-1",
    "tens suspens thrill nervous anxious uneas edgy$ crime investigat": "suspense=4 tension=1 valence=-1",
    "dark ominous sinister grim$ shadow gloom brooding bleak menac evil": "dark=4 valence=-2 bright=-2 tension=1",
    "horror scary spooky creep haunt eerie ghost": "dark=4 mysterious=1 valence=-2 tension=2 space=1",
    "drama dramatic intense serious urgent": "suspense=2 cinematic=2 energy=1",
    "build rising grow swell crescendo escalat mounting": "build=1 energy=1",
    # light and open
    "wonder awe magic reveal revelation marvel discover miracle enchant fairy": "wonder=4 bright=1 valence=1",
    "hope uplift inspir aspir optimis triumph motivat empower": "corporate=2 wonder=1 upbeat=1 energy=1 valence=2",
    "upbeat happy cheer joy lively bouncy sunny bright fun$ feel-good positive": "upbeat=3 energy=2 valence=2 bright=1",
    "playful quirky whimsic comic funny silly cute kids$ children": "playful=4 valence=1 energy=1",
    "energetic excit driving powerful dynamic pump active sport": "electronic=1 upbeat=1 energy=3 density=1 tempo=5",
    # places of use
    "news headline bulletin broadcast report journalis breaking": "news=5 energy=1",
    "corporate business professional presentation commercial brand success company": "corporate=3 energy=1",
    "explainer tutorial educat documentar science nature": "corporate=1 contemplative=1 wonder=1",
    "cinema film movie epic$ trailer orchestr heroic grand score$ adventur majestic": "cinematic=4 space=1 energy=1",
    "intro$ theme opening jingle title opener": "energy=1 density=1",
    "background bed$ underlay underscore unobtrusive": "density=-1 energy=-1",
    "outro ending closing conclu credits finale goodbye": "valence=1",
    # kinds of music
    "electronic electro techno edm$ house$ club dance dj$": "electronic=4 energy=1 bright=1",
    "tech futuris cyber digital robot ai$ data sci-fi scifi": "electronic=2 bright=1",
    "modern contemporary sleek": "electronic=1 corporate=1",
    "synthwave retro 80s$ eighties vaporwave outrun": "synthwave=5 energy=1",
    "chillhop lofi lo-fi chill study hip-hop hiphop beats$ boom": "lofi=4",
    "jazz swing lounge bossa blues soul$ smoky": "jazz=4",
    "folk country acoustic campfire americana singer celtic": "folk=3 bright=1",
    "classical chamber baroque romantic_piano": "contemplative=1 cinematic=1",
    "pop$ indie rock$ funk groov": "upbeat=2 energy=1",
    "rhythmic beat$ groove pulse pulsing percussive": "energy=2 density=1 drums=1",
    "industrial mechanical": "electronic=1 dark=1",
    "christmas holiday winter snow": "wonder=2 playful=1 valence=1",
    "east asia orient japan": "meditation=1 mysterious=1",
    # how much
    "soft quiet hushed whisper delicate light$": "level=-2 energy=-1 density=-1",
    "subtle faint discreet muted": "level=-2.5 density=-1 energy=-1",
    "silent silence inaudible": "level=-5 density=-2 energy=-2",
    "loud bold strong big$ full$": "level=1.5 energy=1 density=1",
    "slow slowly largo adagio leisurely unhurried": "tempo=-14 energy=-1",
    "fast quick rapid allegro presto brisk up-tempo uptempo": "tempo=16 energy=1",
    "moderate midtempo mid-tempo andante": "tempo=0",
    "busy dense rich lush layered": "density=2",
    "dry close$": "space=-3",
    "reverb echo vast wide huge cathedral": "space=2",
    "crisp sparkl shimmer clear glitter": "bright=1",
    "dusty muffled vintage": "bright=-1",
    # other languages that cues are met in
    "ruhig entspann sanft leise": "calm=2 level=-1 energy=-1",
    "frohlich fröhlich heiter": "upbeat=3 energy=1 valence=1",
    "dunkel duster düster geheimnis": "dark=2 mysterious=2 valence=-1",
    "doux douce tranquille suave tranquil": "calm=2 level=-1 energy=-1",
    "alegre joyeux gai$": "upbeat=3 energy=1 valence=1",
    "triste traurig": "melancholy=3 valence=-1",
    "misterio mystere mystère": "mysterious=3",
}

INTENSITIES = {
    "very": 1.7, "really": 1.6, "extremely": 2.2, "super": 1.8, "highly": 1.7, "ultra": 2.2, "deeply": 1.6, "so": 1.3,
    "slightly": 0.5, "bit": 0.5, "little": 0.5, "hint": 0.5, "touch": 0.5, "somewhat": 0.6, "mildly": 0.5,
        "fairly": 0.8,
    "almost": 1.4, "quite": 1.2, "barely": 1.5, "sehr": 1.7, "tres": 1.7, "très": 1.7, "muy": 1.7,
}  # fmt: skip
NEGATIONS = frozenset({"no", "not", "without", "non", "zero", "never", "ohne", "sans", "sin", "minus", "don't"})
FILLERS = frozenset({"any", "a", "an", "the", "of", "too", "much", "and", "or"})  # negation reaches across these

# stem -> (role, instrument); the role is what the composer uses the instrument for when it is asked for
INSTRUMENTS = {
    "rhodes electric_piano e-piano epiano keys$ keyboard": ("keys", "epiano"),
    "felt_piano felt$": ("keys", "felt"),
    "piano": ("keys", "piano"),
    "acoustic_guitar guitar nylon ukulele strum": ("keys", "guitar"),
    "organ": ("pad", "organ"),
    "pad pads$ synth_pad": ("pad", "warm"),
    "string violin cello viola orchestra orchestral": ("pad", "strings"),
    "choir choral vocal voices$ angelic": ("pad", "choir"),
    "drone": ("pad", "drone"),
    "synth arpeggi sequencer": ("arp", "pluck"),
    "harp": ("arp", "harp"),
    "pizzicato plucked": ("arp", "pizzicato"),
    "marimba": ("arp", "marimba"),
    "kalimba thumb_piano": ("arp", "kalimba"),
    "vibraphone vibes$ vibraphon": ("motif", "vibes"),
    "bell chime": ("motif", "bells"),
    "celesta celeste glockenspiel": ("motif", "celesta"),
    "music_box musicbox": ("motif", "musicbox"),
    "bowl gong": ("motif", "bowl"),
    "flute woodwind whistle recorder": ("motif", "flute"),
    "lead clarinet": ("motif", "lead"),
    "upright double_bass contrabass": ("bass", "upright"),
    "bass": ("bass", "upright"),
    "sub$ sub-bass subbass 808$": ("bass", "sub"),
}  # fmt: skip

# stem -> kit; "" asks for percussion in the style's own kit
DRUMS = {
    "drum percussion beats$ rhythm_section": "",
    "brush": "brushes",
    "shaker": "shaker",
    "heartbeat": "heartbeat",
    "taiko tom$ toms$ timpani": "toms",
    "clap": "claps",
    "hand_drum bongo conga cajon": "folk",
    "hi-hat hihat hats$ kick$ snare": "",
}


Meaning = TypeVar("Meaning")


def _rows(table: dict[str, Meaning]) -> list[tuple[re.Pattern[str], Meaning]]:
    """Return (pattern, meaning) for every stem, the longest stem first so that it is the one to match."""
    stems = [(stem, meaning) for key, meaning in table.items() for stem in key.split()]
    stems.sort(key=lambda row: -len(row[0]))
    return [(_pattern(stem), meaning) for stem, meaning in stems]


def _pattern(stem: str) -> re.Pattern[str]:
    body = re.escape(stem.rstrip("$")).replace("_", r"[\s-]+")
    return re.compile(rf"{body}(?![\w])" if stem.endswith("$") else rf"{body}[\w']*")


@lru_cache(1)
def meanings() -> list[tuple[re.Pattern[str], dict[str, float]]]:
    """Return the patterns of `MEANINGS` with each meaning as a dict of amounts."""
    return _rows({stems: amounts(text) for stems, text in MEANINGS.items()})


@lru_cache(1)
def instruments() -> list[tuple[re.Pattern[str], tuple[str, str]]]:
    """Return the patterns of `INSTRUMENTS` with (role, instrument)."""
    return _rows(INSTRUMENTS)


@lru_cache(1)
def drums() -> list[tuple[re.Pattern[str], str]]:
    """Return the patterns of `DRUMS` with the kit."""
    return _rows(DRUMS)


def amounts(text: str) -> dict[str, float]:
    """Return "a=1 b=-2" as a dict."""
    return {name: float(value) for name, value in (part.split("=") for part in text.split())}
