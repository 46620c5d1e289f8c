"""Shots -> encoded pieces, in parallel and cached."""

from __future__ import annotations

from pathlib import Path

from podcast.cache import Cache
from podcast.episode import Look, Shot, Timeline
from podcast.ffmpeg import Choice, Encoder, Picture, encoder_identity, open_sink
from podcast.process import WorkerPool
from podcast.reporter import Reporter, Stage
from podcast.stage import frames_of

_VERSION = 1  # of the encoded pieces


def composite(
    timeline: Timeline, picture: Picture, choice: Choice, *, cache: Cache, pool: WorkerPool, reporter: Reporter,
    stage: Stage,
) -> list[tuple[Path, int]]:
    """Render and encode what is not in the cache; return (piece, frames) of every shot in order.

    Args:
        timeline: the shots.
        picture: size, rate and quality.
        choice: the encoder that proved itself.
        cache: where pieces are kept.
        pool: the workers that render.
        reporter: told of every finished shot.
        stage: the reporter's stage, counted in frames.
    """
    identity = encoder_identity(choice.encoder, picture)
    stage.total = sum(shot.slot.frames for shot in timeline.shots)
    pieces: dict[str, Path] = {}
    missing: dict[str, Shot] = {}
    for shot in timeline.shots:
        address = _address(shot, identity)
        found = pieces.get(address) or cache.get(address)
        if found:
            pieces[address] = found
            reporter.step(stage, shot.slot.frames, reused=True)
        else:
            missing[address] = shot
    longest_first = sorted(missing.items(), key=lambda item: -item[1].slot.frames)
    calls = ((_render, (shot, timeline.look, picture, choice.encoder, cache, address))
             for address, shot in longest_first)
    for index, entry in pool.run_all(calls):
        address, shot = longest_first[index]
        pieces[address] = entry
        reporter.step(stage, shot.slot.frames)
    return [(pieces[_address(shot, identity)] / "piece.mp4", shot.slot.frames) for shot in timeline.shots]


def _address(shot: Shot, identity: str) -> str:
    return Cache.key("piece", _VERSION, shot=shot.digest, encoder=identity)


def _render(shot: Shot, look: Look, picture: Picture, encoder: Encoder, cache: Cache, address: str) -> Path:
    """Render and encode one shot; runs in a worker."""
    def make(folder: Path) -> None:
        sink = open_sink(encoder, picture, folder / "piece.mp4")
        for canvas in frames_of(shot, look, cache.root):
            sink.write(canvas)
        sink.close()

    return cache.put(address, make)
