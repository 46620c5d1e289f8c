"""Everybody's clip for each slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from podcast.cache import digest_of
from podcast.episode import AvatarClip, Narration, Presenter
from podcast.puppet import performance
from podcast.puppet.template import load_template, template_digest


def animate(
    narration: Narration, presenters: Sequence[Presenter], style: Mapping[str, float], template: Path | None = None,
    alone: bool = False, rendered: Mapping[str, Mapping[int, AvatarClip]] | None = None,
) -> dict[int, tuple[AvatarClip, ...]]:
    """Return, for each slot by its index, the clip of everybody on the stage.

    Puppets move by rules from the utterance alone, so nothing is rendered here: the clip says by which rules, and
    the shot draws it.

    Args:
        narration: the slots.
        presenters: one for each speaker.
        style: how they move.
        template: motion of a real person that they follow.
        alone: only who speaks is on the stage.
        rendered: clips that a renderer made (`render`), for each speaker by the slot's index; they go first.
    """
    made = rendered or {}
    rules = tuple(sorted(style.items()))
    followed = template_digest(load_template(template)) if template else ""
    clips: dict[int, tuple[AvatarClip, ...]] = {}
    voices = [slot.utterance.speaker if slot.utterance else "" for slot in narration.slots]
    for index, slot in enumerate(narration.slots):
        if slot.kind == "clip":
            continue
        said = slot.utterance.digest if slot.utterance else f"{slot.kind} {slot.text}"
        speaker = next((v for v in (*voices[index:], *reversed(voices[:index])) if v), "")
        clips[index] = tuple(
            made.get(presenter.speaker, {}).get(index)
            or AvatarClip(presenter, digest_of([performance.VERSION, rules, followed, said, presenter.speaker]), rules,
                          template)
            for presenter in presenters if not alone or presenter.speaker == speaker
        )
    return clips
