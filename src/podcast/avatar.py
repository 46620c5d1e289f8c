"""Who is seen: a presenter for each speaker, and everybody's clip for each slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from podcast.cache import digest_of
from podcast.casting import Gender, choose
from podcast.episode import AvatarClip, Narration, Presenter, Speaker
from podcast.errors import ConfigError
from podcast.puppet import performance
from podcast.puppet.rig import RIG_FILE, host_folder, host_names, load_spec, rig_digest

_FIRST = ("maya", "finn")


def cast(
    speakers: Sequence[Speaker], genders: Mapping[str, Gender], default: str | None = None
) -> tuple[Presenter, ...]:
    """Return a presenter for each speaker: the one that was asked for, else a host nobody else has.

    Args:
        speakers: in the order of their first words.
        genders: of each speaker's voice, by `Speaker.id`: the host should fit it.
        default: host of the first speaker who asks for none (a name or a folder).

    Raises:
        ConfigError: there is no such host.
    """
    given = {s.id: s.avatar for s in speakers if s.avatar}
    undecided = [s.id for s in speakers if s.id not in given]
    if default and undecided:
        given[undecided[0]] = default
    chosen = choose(speakers, _offered(), given, genders, host_gender)
    folders = {s.id: _folder(chosen[s.id], s) for s in speakers}
    return tuple(Presenter(s.id, s.name, folders[s.id], rig_digest(folders[s.id])) for s in speakers)


def host_gender(name: str) -> Gender:
    """Return the gender that a host's rig.yaml tells, "" for none or for what is no host."""
    folder = host_folder(name.lower()) if name.lower() in host_names() else Path(name)
    return load_spec(folder).gender if (folder / RIG_FILE).is_file() else ""


def _offered() -> list[str]:
    """Return the hosts, those first whom a single speaker should get."""
    return sorted(host_names(), key=lambda name: (name not in _FIRST, name))


def _folder(wanted: str, speaker: Speaker) -> Path:
    if wanted.lower() in host_names():
        return host_folder(wanted.lower())
    if (Path(wanted) / RIG_FILE).is_file():
        return Path(wanted)
    raise ConfigError(f"there is no host {wanted!r}", f"choose one of {', '.join(host_names())}, or a folder with a "
                      f"{RIG_FILE} (docs/hosts.md)", f"avatar of {speaker.name}")


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
