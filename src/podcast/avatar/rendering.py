"""Clips from a renderer: one for each utterance of a presenter, and one at rest for all the time between.

Every clip begins and ends in the pose of the presenter's picture, so clips join in any order, each has a content
address of its own, and a changed sentence costs one clip.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from podcast.audio import read_wav, resample, write_wav
from podcast.cache import Cache, digest_of, digest_of_file
from podcast.canvas import to_rgb
from podcast.engines.base import AvatarEngine, Enhancer
from podcast.episode import SAMPLE_RATE, AvatarClip, Narration, Presenter, Slot, samples_at
from podcast.errors import EngineError
from podcast.puppet.faces import load_face_map
from podcast.puppet.points68 import points68
from podcast.puppet.pose import REST
from podcast.puppet.render import Puppet, figure_size
from podcast.puppet.rig import load_rig

VERSION = 2  # raise it when the same input would give another clip
SOUND_RATE = 16_000  # Hz, of the sound that renderers listen to
_RESTING = 5  # s of the video that is shown while a presenter does not speak
_HOST_HEAD = 320  # pixels, of a drawn host that is given to a renderer as a picture
_STUDIO_GREY = (150, 128, 128)  # YUV, behind a drawn host
CLIP = "clip.mp4"


@dataclass(frozen=True)
class Renderer:
    """A renderer and how it is used in an episode."""

    engine: AvatarEngine
    options: Mapping[str, Any]
    seed: int = 0
    enhancer: Enhancer | None = None


@dataclass(frozen=True)
class _Work:
    """A clip that is needed."""

    index: int | None  # of the slot; None: the resting clip
    frames: int
    digest: str  # of what is said, and when


def render(
    narration: Narration, presenters: Sequence[Presenter], renderer: Renderer, *, cache: Cache,
    step: Callable[[int, bool], None], total: Callable[[int], None] = lambda frames: None,
    progress: Callable[[float, int], None] = lambda share, frames: None,
    not_enhanced: Callable[[EngineError], None] = lambda error: None,
) -> dict[str, dict[int, AvatarClip]]:
    """Return the clips of each presenter, by speaker and the slot's index; made once and cached one by one.

    Args:
        narration: the slots.
        presenters: who is rendered.
        renderer: what renders them.
        cache: where clips are kept.
        step: is told the frames of each clip that is ready, and whether it was there already.
        total: is told how many frames there will be.
        progress: is told how much of the clip in the making is done, 0 … 1, and how many frames it has.
        not_enhanced: is told why a presenter's clips stay as they were rendered; it may raise.

    Raises:
        EngineError: the renderer failed.
    """
    work = {p.speaker: _work(narration, p.speaker) for p in presenters}
    rounds = 2 if renderer.enhancer else 1
    total(rounds * sum(item.frames for items in work.values() for item in items))
    clips = {}
    for presenter in presenters:
        found = _rendered(narration, presenter, work[presenter.speaker], renderer, cache, step, progress)
        if renderer.enhancer:
            try:
                found = _enhanced(found, work[presenter.speaker], renderer.enhancer, cache, step)
            except EngineError as error:
                not_enhanced(error)
        clips[presenter.speaker] = _clips(narration, presenter, found)
    return clips


def _work(narration: Narration, speaker: str) -> list[_Work]:
    spoken = [
        _Work(i, slot.frames, digest_of([slot.utterance.digest, slot.lead]))
        for i, slot in enumerate(narration.slots) if slot.utterance and slot.utterance.speaker == speaker
    ]
    return [_Work(None, round(_RESTING * narration.rate), "rest"), *spoken]


_Found = dict[int | None, tuple[Path, str]]  # by the slot's index (None: at rest): the clip and its address


def _rendered(
    narration: Narration, presenter: Presenter, work: Sequence[_Work], renderer: Renderer, cache: Cache,
    step: Callable[[int, bool], None], progress: Callable[[float, int], None],
) -> _Found:
    still = picture_of(presenter, cache)
    found: _Found = {}
    for item in work:
        slot = None if item.index is None else narration.slots[item.index]

        def place(item: _Work = item) -> str:
            return cache.key(
                "avatar-clip", VERSION, engine=renderer.engine.identity(), options=dict(renderer.options),
                picture=digest_of_file(still), said=item.digest, frames=item.frames, rate=str(narration.rate),
                seed=renderer.seed)

        address = place()
        kept = cache.get(address) is not None
        entry = cache.fetch(address, lambda folder, s=slot, n=item.frames: _make(  # type: ignore[misc]
            folder, renderer, still, s, n, narration.rate, lambda share: progress(share, n)))
        if (true := place()) != address:  # memory ran out meanwhile, and the clip is smaller than was asked for
            made = entry / CLIP
            entry = cache.fetch(true, lambda folder, made=made: shutil.copyfile(made, folder / CLIP))  # type: ignore[misc]
            cache.forget(address)
            address = true
        found[item.index] = entry / CLIP, address
        step(item.frames, kept)
    return found


def _enhanced(
    found: _Found, work: Sequence[_Work], enhancer: Enhancer, cache: Cache, step: Callable[[int, bool], None]
) -> _Found:
    """Return the clips with better faces: all of them, so that a presenter looks the same throughout."""
    better: _Found = {}
    for item in work:
        clip, rendered = found[item.index]
        address = cache.key("avatar-enhanced", VERSION, clip=rendered, enhancer=enhancer.identity())
        kept = cache.get(address) is not None

        def make(folder: Path, clip: Path = clip) -> None:
            made = enhancer.enhance(clip, folder)
            if made.name != CLIP:
                made.replace(folder / CLIP)

        better[item.index] = cache.fetch(address, make) / CLIP, address
        step(item.frames, kept)
    return better


def _clips(narration: Narration, presenter: Presenter, found: _Found) -> dict[int, AvatarClip]:
    """Return a clip for every slot: what was rendered for it, or the presenter at rest."""
    resting, rest_digest = found[None]
    seen = replace(presenter, figure=resting, digest=rest_digest, background="keep", framing="full")
    at_rest = AvatarClip(seen, rest_digest, video=resting, resting=True)
    clips = {i: at_rest for i, slot in enumerate(narration.slots) if slot.kind != "clip"}
    return clips | {i: AvatarClip(seen, address, video=video) for i, (video, address) in found.items() if i is not None}


def _make(
    folder: Path, renderer: Renderer, still: Path, slot: Slot | None, frames: int, rate: Fraction,
    progress: Callable[[float], None],
) -> None:
    sound = folder / "sound.wav"
    write_wav(sound, resample(_sound(slot, frames, rate), SAMPLE_RATE, SOUND_RATE), SOUND_RATE)
    made = renderer.engine.animate(still, sound, frames, rate, renderer.seed, renderer.options, folder, progress)
    if made.name != CLIP:
        made.replace(folder / CLIP)
    sound.unlink()


def _sound(slot: Slot | None, frames: int, rate: Fraction) -> np.ndarray:
    """Return what is heard in a slot, mono 48 kHz: silence, the utterance, silence."""
    sound = np.zeros(samples_at(frames, rate), np.float32)
    if slot is not None and slot.utterance is not None:
        said = read_wav(slot.utterance.audio)[:, 0]
        room = max(0, len(sound) - slot.lead)
        sound[slot.lead : slot.lead + len(said)] = said[:room]
    return sound


def picture_of(presenter: Presenter, cache: Cache) -> Path:
    """Return a presenter's picture as a file that renderers read: the portrait, or the drawn host at rest.

    Beside it lies `landmarks.npy`, float32 in pixels of the picture: of a portrait the face mesh (478, 2), of a host
    the 68 landmarks that renderers know (68, 2).
    """
    def make(folder: Path) -> None:
        if presenter.is_portrait:
            face = load_face_map(presenter.figure)
            Image.fromarray(face.image).save(folder / "picture.png")
            np.save(folder / "landmarks.npy", face.landmarks[:, :2].astype(np.float32))
        else:
            picture, points = _drawn(presenter)
            Image.fromarray(picture).save(folder / "picture.png")
            if points is not None:
                np.save(folder / "landmarks.npy", points)

    return cache.fetch(cache.key("avatar-picture", VERSION, presenter=presenter.digest), make) / "picture.png"


def _drawn(presenter: Presenter) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a host at rest as RGB, and its landmarks."""
    rig = load_rig(presenter.figure)
    figure = figure_size(rig, _HOST_HEAD)
    room = 0.2 * _HOST_HEAD  # above the hair
    side = int(figure.height + room) // 2 * 2
    ground = np.full((side, side, 3), _STUDIO_GREY, np.uint8)
    anchor = side / 2, room - figure.top
    points = points68(rig.spec)
    if points is not None:
        scale = np.float32(_HOST_HEAD / rig.head_height)
        points = (points - np.array(rig.spec.pivot, np.float32)) * scale + np.array(anchor, np.float32)
    return to_rgb(Puppet(rig, ground, _HOST_HEAD, anchor).draw(REST)), points
