"""Alignment: when a sound says which word and phone, found by comparison with a voice that has exact times."""

from podcast.alignment.matching import Alignment, Finding, Reference, align

__all__ = ["Alignment", "Finding", "Reference", "align"]
