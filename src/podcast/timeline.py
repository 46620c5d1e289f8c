"""Arrange everything into shots: pure data.

A shot's digest covers all that its picture depends on, and nothing else: neither its place in the episode nor the
paths of files. So a shot that was rendered once is found again after any change elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from podcast.cache import digest_of
from podcast.episode import (
    UNNAMED,
    AvatarClip,
    Look,
    MusicBed,
    MusicSpan,
    Narration,
    Script,
    Shot,
    Slot,
    Timeline,
    samples_at,
)

NAME_SECONDS = 2.6  # a name slides in, is read and leaves
SHOT_VERSION = 7  # raise it when the same data would give another picture


def arrange(
    script: Script,
    narration: Narration,
    clips: Mapping[int, tuple[AvatarClip, ...]],
    look: Look,
    *,
    image_digests: Mapping[Path, str],
    lower_third: bool = True,
) -> Timeline:
    """Return the episode's shots.

    Args:
        script: for chapters, pictures and names.
        narration: the slots.
        clips: for each slot (by its index) everybody on the stage.
        look: what all shots share.
        image_digests: of every picture that the script shows.
        lower_third: show a speaker's name with the first words.
    """
    shots: list[Shot] = []
    introduced: set[str] = set()
    spoke: int | None = None
    for index, slot in enumerate(narration.slots):
        cast = clips.get(index, ())
        speaking = _speaking(slot, cast)
        image = _current_image(script, slot.turn)
        name = _introduction(script, slot, introduced, narration.rate) if lower_third else ""
        shot = Shot(slot, cast, speaking, spoke, image, image_digests.get(image, "") if image else "", name,
                    _current_chapter(script, slot.turn))
        shots.append(replace(shot, digest=digest_of(_content(shot, look))))
        spoke = speaking if slot.kind == "speech" else None
    return Timeline(tuple(shots), look, narration)


def _introduction(script: Script, slot: Slot, introduced: set[str], rate: Fraction) -> str:
    """Return the name to show in a slot: with a speaker's first words that last long enough to read it."""
    if slot.utterance is None or slot.utterance.speaker in introduced or slot.frames < NAME_SECONDS * rate:
        return ""
    introduced.add(slot.utterance.speaker)
    name = script.speaker(slot.utterance.speaker).name
    return "" if name == UNNAMED else name  # not worth a lower third


def _speaking(slot: Slot, cast: Sequence[AvatarClip]) -> int | None:
    if slot.utterance is None:
        return None
    return next((i for i, clip in enumerate(cast) if clip.presenter.speaker == slot.utterance.speaker), None)


def _current_image(script: Script, turn: int) -> Path | None:
    shown = [cue.file for cue in script.images if cue.before <= turn]
    return shown[-1] if shown else None


def _current_chapter(script: Script, turn: int) -> str:
    begun = [chapter.title for chapter in script.chapters if chapter.before <= turn]
    return begun[-1] if begun else ""


def _content(shot: Shot, look: Look) -> dict[str, Any]:
    """Return all that the picture of a shot depends on, as plain data."""
    slot, utterance = shot.slot, shot.slot.utterance
    shared = {k: v for k, v in asdict(look).items() if not isinstance(v, Path)}
    if slot.kind == "speech":
        shared.pop("title")  # only cards and covers show it
        if shot.clips:
            shared.pop("byline")
    if not look.disclosure:
        shared.pop("disclosure")
    return {
        "version": SHOT_VERSION,
        "look": {**shared, "rate": str(look.rate), "background": shared["background_digest"] or look.background,
                 **({"title": look.title} if not shot.clips else {})},
        "kind": slot.kind, "video": slot.video_digest, "frames": slot.frames, "lead": slot.lead, "text": slot.text,
        "utterance": utterance.digest if utterance else "",
        "captions": [(w.text, w.start, w.end) for w in utterance.words] if utterance and look.captions else [],
        "cast": [(c.presenter.digest, c.presenter.name, c.digest, c.presenter.speaker == (utterance and
                  utterance.speaker)) for c in shot.clips],
        "speaking": shot.speaking, "spoke_before": shot.spoke_before,
        "image": shot.image_digest, "name": shot.name, "chapter": shot.chapter,
    }


@dataclass(frozen=True)
class Insert:
    """A finished video that is put in front of or behind the episode."""

    video: Path
    digest: str
    frames: int
    sound: MusicSpan | None  # starts at 0


def insert(
    narration: Narration, bed: MusicBed, intro: Insert | None, outro: Insert | None
) -> tuple[Narration, MusicBed]:
    """Return narration and music with finished videos in front and behind; everything in between moves."""
    slots, spans = list(narration.slots), list(bed.spans)
    if intro:
        slots = [_clip_slot(intro, 0, 0), *(replace(s, start=s.start + intro.frames) for s in slots)]
        shift = samples_at(intro.frames, narration.rate)
        spans = [*_sound(intro, 0), *(replace(s, start=s.start + shift, end=s.end + shift) for s in spans)]
    if outro:
        end = slots[-1].start + slots[-1].frames
        slots.append(_clip_slot(outro, end, slots[-1].turn))
        spans += _sound(outro, samples_at(end, narration.rate))
    return replace(narration, slots=tuple(slots)), MusicBed(tuple(spans))


def _clip_slot(clip: Insert, start: int, turn: int) -> Slot:
    return Slot("clip", start, clip.frames, turn, video=clip.video, video_digest=clip.digest)


def _sound(clip: Insert, start: int) -> list[MusicSpan]:
    span = clip.sound
    return [replace(span, start=start, end=start + span.end)] if span else []
