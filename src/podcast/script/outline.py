"""What a script will come to: who says how much, and how long it lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from podcast.episode import Chapter, MusicCue, Script, Speaker, Turn

WORDS_PER_MINUTE = 150  # of a calm narrator, pauses between sentences included
PARAGRAPH_PAUSE = 0.6  # seconds after a turn that asks for no other
_CHARACTERS_PER_WORD = 1.7  # of scripts without blanks: 255 characters a minute are read in Chinese
_WORD = re.compile(r"[^\W_]+(?:['’.,:-][^\W_]+)*")
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")


@dataclass(frozen=True)
class Share:
    """What one speaker says."""

    speaker: Speaker
    turns: int
    words: int
    seconds: float  # estimated


@dataclass(frozen=True)
class Outline:
    """An estimate of an episode before anything is synthesised; all times in seconds from its start."""

    shares: tuple[Share, ...]
    words: int
    seconds: float
    turns: tuple[float, ...]  # where each turn begins
    chapters: tuple[tuple[float, Chapter], ...]
    music: tuple[tuple[float, MusicCue], ...]


def outline(script: Script) -> Outline:
    """Return how long a script will last and who says what, at `WORDS_PER_MINUTE` plus the pauses."""
    starts, now = [], 0.0
    for index, turn in enumerate(script.turns):
        now += sum(cue.solo or 0.0 for cue in script.music if cue.before == index)
        starts.append(now)
        now += speaking_time(turn.text) + _pause(turn)
    now += sum(cue.solo or 0.0 for cue in script.music if cue.before >= len(script.turns))
    at = [*starts, now]
    return Outline(
        shares=tuple(_share(script, speaker) for speaker in script.speakers),
        words=sum(count_words(t.text) for t in script.turns),
        seconds=now,
        turns=tuple(starts),
        chapters=tuple((at[c.before], c) for c in script.chapters),
        music=tuple((at[c.before], c) for c in script.music),
    )


def count_words(text: str) -> int:
    """Return the number of words; scripts without blanks between words are counted by their characters."""
    unspaced = len(_UNSPACED.findall(text))
    return len(_WORD.findall(_UNSPACED.sub(" ", text))) + round(unspaced / _CHARACTERS_PER_WORD)


def speaking_time(text: str) -> float:
    """Return about how many seconds it takes to say a text."""
    return count_words(text) * 60 / WORDS_PER_MINUTE


def _pause(turn: Turn) -> float:
    return PARAGRAPH_PAUSE if turn.pause_after is None else turn.pause_after


def _share(script: Script, speaker: Speaker) -> Share:
    texts = [t.text for t in script.turns if t.speaker == speaker.id]
    return Share(speaker, len(texts), sum(map(count_words, texts)), sum(map(speaking_time, texts)))
