"""Alignment: when a sound says which word and phone, found by comparison with a voice that has exact times."""

from podcast.alignment.doubts import Finding
from podcast.alignment.matching import Alignment, Reference, align
from podcast.alignment.vocal import phones_from_sound

__all__ = ["Alignment", "Finding", "Reference", "align", "phones_from_sound"]
