"""Arrange everything into shots: pure data.

A shot's digest covers all that its picture depends on, and nothing else: neither its place in the episode nor the
paths of files. So a shot that was rendered once is found again after any change elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from podcast.cache import digest_of
from podcast.episode import AvatarClip, Look, Narration, Script, Shot, Slot, Timeline

SHOT_VERSION = 1  # raise it when the same data would give another picture


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
        name = ""
        if lower_third and slot.utterance and slot.utterance.speaker not in introduced:
            introduced.add(slot.utterance.speaker)
            name = script.speaker(slot.utterance.speaker).name
        shot = Shot(slot, cast, speaking, spoke, image, image_digests.get(image, "") if image else "", name,
                    _current_chapter(script, slot.turn))
        shots.append(replace(shot, digest=digest_of(_content(shot, look))))
        spoke = speaking if slot.kind == "speech" else None
    return Timeline(tuple(shots), look, narration)


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
    return {
        "version": SHOT_VERSION,
        "look": {**shared, "rate": str(look.rate), "background": shared["background_digest"] or look.background,
                 **({"title": look.title} if not shot.clips else {})},
        "kind": slot.kind, "frames": slot.frames, "lead": slot.lead, "text": slot.text,
        "utterance": utterance.digest if utterance else "",
        "captions": [(w.text, w.start, w.end) for w in utterance.words] if utterance and look.captions else [],
        "cast": [(c.presenter.digest, c.presenter.name, c.digest, c.presenter.speaker == (utterance and
                  utterance.speaker)) for c in shot.clips],
        "speaking": shot.speaking, "spoke_before": shot.spoke_before,
        "image": shot.image_digest, "name": shot.name, "chapter": shot.chapter,
    }


def with_clips(timeline: Timeline, intro: Sequence[Shot], outro: Sequence[Shot]) -> Timeline:
    """Return the timeline with finished videos in front and behind; every slot's start moves."""
    shots, frame = [], 0
    for shot in (*intro, *timeline.shots, *outro):
        shots.append(replace(shot, slot=replace(shot.slot, start=frame)))
        frame += shot.slot.frames
    narration = replace(timeline.narration, slots=tuple(s.slot for s in shots))
    return replace(timeline, shots=tuple(shots), narration=narration)
