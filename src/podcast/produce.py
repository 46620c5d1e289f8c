"""The main path: a script in, a finished episode out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from podcast import wiring
from podcast.avatar import animate, cast
from podcast.cache import Cache
from podcast.composite import composite
from podcast.config import Loaded
from podcast.device import processors
from podcast.episode import Episode
from podcast.mix import master
from podcast.music import score
from podcast.narration import narrate
from podcast.process import WorkerPool
from podcast.publish import publish
from podcast.reporter import Reporter
from podcast.script import read_script
from podcast.timeline import arrange, insert


@dataclass(frozen=True)
class Request:
    """What is asked for besides the configuration."""

    script: Path
    name: str | None = None  # of the episode; None: the script's
    mode: str = "video"  # "audio", "preview"
    draft: bool = False


def create(request: Request, loaded: Loaded, reporter: Reporter, pool: WorkerPool | None = None) -> Episode:
    """Make an episode. With `pool` its workers are shared, else they are this run's own.

    Raises:
        PodcastError: anything that the user can mend.
    """
    script = read_script(request.script, wiring.known_speakers(loaded.config))
    config = loaded.refined(script.settings, str(request.script))
    plan = wiring.plan(request, script, config, reporter)
    with ExitStack() as stack:
        cache = stack.enter_context(Cache(config.data / "cache", config.cache.max_gb))
        workers = config.workers if config.workers != "auto" else processors()
        pool = pool or stack.enter_context(WorkerPool(workers))

        with reporter.stage("narration") as stage:
            narration = narrate(script, cache=cache, pool=pool, **plan.narration(stage, reporter))
        with reporter.stage("music") as stage:
            bed = score(script, narration, cache=cache, pool=pool, **plan.music(stage, reporter))
        narration, bed = insert(narration, bed, *plan.inserts(cache))
        mixing = pool.submit(master, *plan.mix(narration, bed, cache))  # while the shots are rendered
        shots = pieces = None
        if plan.video:
            clips = animate(script, narration, plan.presenters(cast), plan.motion())
            shots = arrange(script, narration, clips, plan.look(), **plan.staging())
            with reporter.stage("video") as stage:
                pieces = composite(shots, cache=cache, pool=pool, reporter=reporter, stage=stage, **plan.video_settings(
                    cache, pool))
        with reporter.stage("mix"):
            mix = mixing.result()
        with reporter.stage("publish"):
            episode = publish(script, narration, mix, shots, pieces, **plan.publishing(cache))
        cache.prune()
    plan.write_report(episode, narration, mix)
    return episode
