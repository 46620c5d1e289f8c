"""Narration: a script becomes utterances with exact times, and utterances become the episode's clock."""

from podcast.narration.narrate import narrate, sample
from podcast.narration.recording import narrate_recording
from podcast.narration.schedule import Cards, Pauses
from podcast.narration.voices import assign_voices

__all__ = ["Cards", "Pauses", "assign_voices", "narrate", "narrate_recording", "sample"]
