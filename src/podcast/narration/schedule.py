"""When everything is said: utterances, pauses and cards on a clock of whole frames."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

from podcast.episode import SAMPLE_RATE, Narration, Script, Slot, SlotKind, Utterance, frames_for, samples, samples_at

LEAD = samples(0.12)  # of silence before an utterance, in which the mouth opens
REST = samples(0.06)  # after the last speech sound of a recorded utterance, in which the mouth closes


@dataclass(frozen=True)
class Pauses:
    """Seconds of silence from the end of an utterance to the next; `variation` is the share they vary by."""

    clause: float = 0.20  # within a sentence that was too long for one breath
    sentence: float = 0.36
    question: float = 0.46
    paragraph: float = 0.68
    speaker: float = 0.38
    chapter: float = 0.90
    closing: float = 0.60  # before the outro
    variation: float = 0.10

    def scaled(self, factor: float) -> Pauses:
        """Return all pauses longer or shorter."""
        names = ("clause", "sentence", "question", "paragraph", "speaker", "chapter", "closing")
        return replace(self, **{name: getattr(self, name) * factor for name in names})


@dataclass(frozen=True)
class Cards:
    """Seconds that the cards without speech last; 0 leaves one out."""

    title: float = 3.2
    chapter: float = 2.2
    outro: float = 4.0


def schedule(
    script: Script,
    spoken: Sequence[tuple[int, Utterance]],
    rate: Fraction,
    pauses: Pauses,
    cards: Cards,
    music_alone: bool = True,
) -> Narration:
    """Return the episode's clock.

    `spoken` are (turn, utterance) in order. With `music_alone`, music cues that ask for it are left seconds of
    their own. An author's pause is kept to half a frame; no other pause is ever shorter than the lead.
    """
    clock = _Clock(script, rate, cards, _alone(script) if music_alone else {})
    clock.open()
    last_turn = -1
    for index, (turn, utterance) in enumerate(spoken):
        clock.enter(last_turn, turn)
        following = spoken[index + 1] if index + 1 < len(spoken) else None
        clock.speak(turn, utterance, _pause(script, turn, utterance, following, pauses))
        last_turn = turn
    clock.close(last_turn)
    return Narration(tuple(clock.slots), rate)


def schedule_recorded(
    script: Script,
    spoken: Sequence[tuple[int, Utterance, int]],
    rate: Fraction,
    cards: Cards,
    closing: float = Pauses.closing,
    music_alone: bool = True,
) -> Narration:
    """Return the clock of an episode whose narration is one recording.

    `spoken` are (turn, utterance, sample at which it begins in the recording) in order. Between cards the speaker's
    own timing is kept to the sample, except where two utterances join without a frame's boundary between them: there
    the second begins up to a frame late, and the next pause takes that back. An utterance whose sound holds the pause
    after it may be longer than its slot: what is seen of it ends with its last speech sound.
    """
    clock = _Clock(script, rate, cards, _alone(script) if music_alone else {})
    clock.open()
    last_turn, shift = -1, None
    for index, (turn, utterance, at) in enumerate(spoken):
        frames = clock.frames
        clock.enter(last_turn, turn)
        if shift is None or clock.frames != frames:
            shift = samples_at(clock.frames, rate) + LEAD - at
        following = spoken[index + 1][2] if index + 1 < len(spoken) else at + utterance.length + samples(closing) + LEAD
        clock.perform(turn, utterance, at + shift, following + shift)
        last_turn = turn
    clock.close(last_turn)
    return Narration(tuple(clock.slots), rate)


def _alone(script: Script) -> dict[int, float]:
    """Return the seconds that music plays alone before a turn."""
    cues = sorted((cue.before, cue.solo) for cue in script.music if cue.solo)
    return {turn: sum(solo for _, solo in group) for turn, group in groupby(cues, key=lambda cue: cue[0])}


class _Clock:
    """Builds the slots of an episode."""

    def __init__(self, script: Script, rate: Fraction, cards: Cards, alone: dict[int, float]) -> None:
        self.slots: list[Slot] = []
        self._script, self._rate, self._cards, self._alone = script, rate, cards, alone

    def open(self) -> None:
        """Begin with the title."""
        if self._script.title and self._cards.title > 0:
            self._card("title", 0, self._script.title, self._cards.title)

    def enter(self, last: int, turn: int) -> None:
        """Come to a turn: chapters that begin since the last one, and music that plays alone."""
        if turn == last:
            return
        # Right after the title a chapter's card would be a second card in a row: the title stands for it.
        chapters = [c for c in self._script.chapters if last < c.before <= turn]
        for chapter in chapters if self._cards.chapter > 0 and (turn > 0 or not self.slots) else ():
            self._card("chapter", turn, chapter.title, self._cards.chapter)
        alone = sum(solo for before, solo in self._alone.items() if last < before <= turn)
        self._hold(alone, turn)

    def speak(self, turn: int, utterance: Utterance, pause: float) -> None:
        """Add an utterance and the pause after it, of which the next lead is a part."""
        needed = LEAD + utterance.length
        wanted = needed + samples(pause) - LEAD
        frames = max(frames_for(needed, self._rate), round(Fraction(wanted) * self._rate / SAMPLE_RATE))
        self._add(Slot("speech", 0, frames, turn, utterance, LEAD))

    @property
    def frames(self) -> int:
        """The frame at which the next slot begins."""
        return self.slots[-1].start + self.slots[-1].frames if self.slots else 0

    def perform(self, turn: int, utterance: Utterance, wanted: int, following: int) -> None:
        """Add an utterance that should begin at the sample `wanted`, and the pause until the next one's lead."""
        begin = samples_at(self.frames, self._rate)
        lead = max(0, wanted - begin)
        least = frames_for(begin + lead + _seen(utterance), self._rate)
        end = max(least, (following - LEAD) * self._rate // SAMPLE_RATE)
        self._add(Slot("speech", 0, int(end) - self.frames, turn, utterance, lead))

    def close(self, last: int) -> None:
        """End with the outro, or with what music still wants."""
        alone = sum(solo for before, solo in self._alone.items() if before > last)
        turn = max(last, 0)
        if self._cards.outro > 0:
            self._card("outro", turn, "", max(self._cards.outro, alone))
        else:
            self._hold(alone, turn)

    def _hold(self, seconds: float, turn: int) -> None:
        """Let the last slot last longer (a card's own time counts), or wait on an empty card at the start."""
        if seconds <= 0:
            return
        if not self.slots:
            self._card("title", turn, self._script.title, seconds)
            return
        slot = self.slots[-1]
        length = self._frames(seconds)
        frames = slot.frames + length if slot.kind == "speech" else max(slot.frames, length)
        self.slots[-1] = replace(slot, frames=frames)

    def _card(self, kind: SlotKind, turn: int, text: str, seconds: float) -> None:
        self._add(Slot(kind, 0, self._frames(seconds), turn, text=text))

    def _frames(self, seconds: float) -> int:
        return max(1, frames_for(samples(seconds), self._rate))

    def _add(self, slot: Slot) -> None:
        last = self.slots[-1] if self.slots else None
        self.slots.append(replace(slot, start=last.start + last.frames if last else 0))


def _seen(utterance: Utterance) -> int:
    """Return the samples of a recorded utterance up to its last speech sound and the mouth's way to rest."""
    ends = [p.end for p in utterance.phones if p.symbol] + [w.end for w in utterance.words]
    return min(utterance.length, max(ends) + REST) if ends else utterance.length


def _pause(
    script: Script, turn: int, utterance: Utterance, following: tuple[int, Utterance] | None, pauses: Pauses
) -> float:
    """Return the seconds of silence after an utterance; the same text pauses the same."""
    if following and following[0] == turn:
        return _within(utterance.text, pauses) * _variation(utterance, pauses)
    passed = script.turns[turn : following[0] if following else None]
    asked = [t.pause_after for t in passed if t.pause_after is not None]
    if asked:
        return sum(asked)
    return _between(script, turn, following, pauses) * _variation(utterance, pauses)


def _within(text: str, pauses: Pauses) -> float:
    ending = text.rstrip("\"'”’»)] ")[-1:]
    if ending in "?？":
        return pauses.question
    return pauses.sentence if ending in tuple(".!…。！") else pauses.clause


def _between(script: Script, turn: int, following: tuple[int, Utterance] | None, pauses: Pauses) -> float:
    if following is None:
        return pauses.closing
    if any(turn < chapter.before <= following[0] for chapter in script.chapters):
        return pauses.chapter
    if script.turns[following[0]].speaker != script.turns[turn].speaker:
        return pauses.speaker
    return pauses.paragraph


def _variation(utterance: Utterance, pauses: Pauses) -> float:
    chance = hashlib.sha256(utterance.text.encode("utf-8", "replace")).digest()[0] / 127.5 - 1
    return 1 + pauses.variation * chance
