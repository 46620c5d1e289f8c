"""Who is seen: a presenter for each speaker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from podcast.cache import Cache, digest_of, digest_of_file
from podcast.casting import Gender, choose
from podcast.engines.base import Enhancer
from podcast.episode import Presenter, Speaker
from podcast.errors import ConfigError
from podcast.puppet.face_nets import FaceNets
from podcast.puppet.faces import enlarged, face_map_digest, load_face_map, save_face_map
from podcast.puppet.rig import RIG_FILE, host_folder, host_names, load_spec, rig_digest

if TYPE_CHECKING:
    from podcast.puppet.judge import Finding

PORTRAIT_VERSION = 3
_ENHANCED_VERSION = 1
_FACE = "face.npz"
_FIRST = ("maya", "finn")
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic")


def cast(
    speakers: Sequence[Speaker], genders: Mapping[str, Gender], portraits: Mapping[str, Presenter],
    default: str | None = None,
) -> tuple[Presenter, ...]:
    """Return a presenter for each speaker: the one that was asked for, else a host nobody else has.

    Args:
        speakers: in the order of their first words.
        genders: of each speaker's voice, by `Speaker.id`: the host should fit it.
        portraits: of the speakers who have one, by `Speaker.id`.
        default: host of the first speaker who asks for none (a name or a folder).

    Raises:
        ConfigError: there is no such host.
    """
    drawn = [s for s in speakers if s.id not in portraits]
    given = {s.id: s.avatar for s in drawn if s.avatar and not is_picture(s.avatar)}
    undecided = [s.id for s in drawn if s.id not in given]
    if default and undecided:
        given[undecided[0]] = default
    chosen = choose(drawn, _offered(), given, genders, host_gender)
    folders = {s.id: _folder(chosen[s.id], s) for s in drawn}
    return tuple(
        portraits.get(s.id) or Presenter(s.id, s.name, folders[s.id], rig_digest(folders[s.id])) for s in speakers
    )


def is_picture(avatar: str) -> bool:
    """Tell whether an avatar is a portrait's file, by its name."""
    return Path(avatar).suffix.lower() in _PICTURES


def portrait(
    speaker: Speaker, picture: Path, nets: Callable[[], FaceNets], cache: Cache, *, face: int | None,
    background: Literal["replace", "keep", "blur"], framing: Literal["head", "bust", "full"],
) -> tuple[Presenter | None, tuple[Finding, ...]]:
    """Return a presenter made of a picture, or None, and what was found in the picture; read once and cached.

    Who cannot be cut out cleanly keeps the picture's background, whatever was asked for.

    Raises:
        MediaError: there is no such picture, or it cannot be read.
        WeightsError: the face models are not here and cannot be fetched.
    """
    from podcast.puppet.judge import MATTE, Finding, portrait_report  # the networks' room: rarely needed

    address = cache.key("portrait", PORTRAIT_VERSION, face=face_map_digest(picture, face))

    def make(folder: Path) -> None:
        findings, found = portrait_report(picture, nets(), face)
        if found is not None:
            save_face_map(found, folder / _FACE)
        (folder / "findings.json").write_text(json.dumps([asdict(finding) for finding in findings]), "utf-8")

    entry = cache.fetch(address, make)
    findings = tuple(Finding(**row) for row in json.loads((entry / "findings.json").read_text("utf-8")))
    if any(finding.severity == "refuse" for finding in findings) or not (entry / _FACE).exists():
        return None, findings
    if framing == "full" and background == "replace":
        background = "keep"  # the whole picture is shown
    if any(finding.code == MATTE for finding in findings):
        background = "keep"  # rather than a torn cut-out; the finding says so
    digest = digest_of([address, PORTRAIT_VERSION, background, framing])
    return Presenter(speaker.id, speaker.name, entry / _FACE, digest, background, framing), findings


def enhance(presenter: Presenter, enhancer: Enhancer, cache: Cache) -> tuple[Presenter, bool]:
    """Return a presenter whose picture has a better face, and whether that was cached.

    The built-in renderer bends one picture, so one picture is all that has to be enhanced; a small one is enlarged
    first.

    Raises:
        EngineError: the enhancer failed.
    """
    address = cache.key("portrait-enhanced", _ENHANCED_VERSION, face=digest_of_file(presenter.figure),
                        enhancer=enhancer.identity())

    def make(folder: Path) -> None:
        face = enlarged(load_face_map(presenter.figure))
        image = enhancer.enhance_picture(face.image, face.landmarks, folder)
        save_face_map(replace(face, image=image), folder / _FACE)

    kept = cache.get(address) is not None
    figure = cache.fetch(address, make) / _FACE
    return replace(presenter, figure=figure, digest=digest_of([presenter.digest, address])), kept


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
