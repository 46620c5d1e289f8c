"""Who is seen: a presenter for each speaker, and everybody's clip for each slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from podcast.cache import digest_of
from podcast.episode import AvatarClip, Narration, Presenter, Speaker
from podcast.errors import ConfigError
from podcast.puppet import performance
from podcast.puppet.rig import host_folder, host_names, rig_digest


def cast(speakers: Sequence[Speaker], default: str | None = None) -> tuple[Presenter, ...]:
    """Return a presenter for each speaker: the one that was asked for, else a host nobody else has.

    Args:
        speakers: in the order of their first words.
        default: host of the speakers that ask for none (a name or a folder); None: different ones.

    Raises:
        ConfigError: there is no such host.
    """
    taken = {speaker.avatar for speaker in speakers} | {default}
    free = [name for name in host_names() if name not in taken] or list(host_names())
    presenters = []
    for speaker in speakers:
        wanted = speaker.avatar or default
        if wanted is None:
            wanted = free[0]
            free = [*free[1:], free[0]]  # more speakers than hosts: they come round again
        folder = _folder(wanted, speaker)
        presenters.append(Presenter(speaker.id, speaker.name, folder, rig_digest(folder)))
    return tuple(presenters)


def _folder(wanted: str, speaker: Speaker) -> Path:
    if wanted in host_names():
        return host_folder(wanted)
    if (Path(wanted) / "rig.yaml").is_file():
        return Path(wanted)
    raise ConfigError(f"there is no host {wanted!r}", f"choose one of {', '.join(host_names())}, or a folder with a "
                      "rig.yaml (docs/hosts.md)", f"avatar of {speaker.name}")


def animate(
    narration: Narration, presenters: Sequence[Presenter], style: Mapping[str, float], alone: bool = False
) -> dict[int, tuple[AvatarClip, ...]]:
    """Return, for each slot by its index, the clip of everybody on the stage.

    Puppets move by rules from the utterance alone, so nothing is rendered here: the clip says by which rules, and
    the shot draws it.

    Args:
        narration: the slots.
        presenters: one for each speaker.
        style: how they move.
        alone: only who speaks is on the stage.
    """
    rules = tuple(sorted(style.items()))
    clips: dict[int, tuple[AvatarClip, ...]] = {}
    voices = [slot.utterance.speaker if slot.utterance else "" for slot in narration.slots]
    for index, slot in enumerate(narration.slots):
        if slot.kind == "clip":
            continue
        said = slot.utterance.digest if slot.utterance else f"{slot.kind} {slot.text}"
        speaker = next((v for v in (*voices[index:], *reversed(voices[:index])) if v), "")
        clips[index] = tuple(
            AvatarClip(presenter, digest_of([performance.VERSION, rules, said, presenter.speaker]), rules)
            for presenter in presenters if not alone or presenter.speaker == speaker
        )
    return clips
