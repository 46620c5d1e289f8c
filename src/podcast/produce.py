"""The main path: a script in, a finished episode out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from podcast import wiring
from podcast.account import account
from podcast.bed import render_music
from podcast.cache import Cache
from podcast.composite import composite
from podcast.config import Loaded
from podcast.device import processors
from podcast.engines.installed import EngineRoom
from podcast.episode import Episode
from podcast.mix import master
from podcast.process import WorkerPool
from podcast.publish import publish, write_report
from podcast.reporter import Reporter
from podcast.rights import disclosure
from podcast.script import read_script
from podcast.timeline import arrange, insert


@dataclass(frozen=True)
class Request:
    """What is asked for besides the configuration."""

    script: Path
    name: str | None = None  # of the episode; None: the script's
    mode: str = "video"  # "audio", "preview"
    draft: bool = False
    recording: Path | None = None  # the user's own narration


def create(request: Request, loaded: Loaded, reporter: Reporter, pool: WorkerPool | None = None,
           room: EngineRoom | None = None) -> Episode:
    """Make an episode. With `pool` and `room` their workers are shared, else they are this run's own.

    Raises:
        PodcastError: anything that the user can mend.
    """
    script = read_script(request.script, wiring.known_speakers(loaded.config))
    config = loaded.refined(script.settings, str(request.script))
    picture, choice, timeline, pieces = wiring.picture(config, request.draft), None, None, None
    with ExitStack() as stack:
        cache = stack.enter_context(Cache(config.data / "cache", config.cache.max_gb))
        room = room or stack.enter_context(wiring.engine_room(config))
        stack.enter_context(room.heard(reporter))
        speech = wiring.choose_speech(config, script, request.recording, room, reporter)
        music = wiring.choose_music(config, room, reporter)
        presenters = wiring.presenters(config, script, request.mode, speech.engine, cache, reporter)
        renderer = wiring.choose_renderer(config, room, reporter) if presenters else None
        if renderer is None:
            presenters = wiring.enhanced(presenters, config, room, cache, reporter)
        room.require()
        notice = disclosure(config, presenters, own_voice=request.recording is not None)
        publication = wiring.publication(config, script, request.name, request.mode, request.draft, notice)
        look = wiring.look(config, script, picture, presenters, notice, reporter)
        workers = processors() if config.workers == "auto" else config.workers
        pool = pool or stack.enter_context(WorkerPool(workers))

        with reporter.stage("narration") as stage:
            narration = wiring.listen(script, request.recording, config, cache, pool, reporter, stage) \
                if request.recording else wiring.speak(script, config, speech, cache, pool, reporter, stage)
        with reporter.stage("music") as stage:
            bed = wiring.compose(script, narration, config, music, cache, pool, reporter, stage)
        intro, outro = (wiring.clip(file, picture, cache) for file in (config.video.intro, config.video.outro))
        narration, bed = insert(narration, bed, intro, outro)
        background = ThreadPoolExecutor(1)  # the mix is made while the shots are rendered
        stack.callback(background.shutdown, wait=False, cancel_futures=True)
        mixing = background.submit(master, narration, bed, cache=cache, read_music=partial(render_music, bed),
                                   mastering=wiring.mastering(config))
        if request.mode == "video":
            clips = wiring.clips(narration, presenters, renderer, config, loaded.folder, cache, reporter)
            timeline = arrange(script, narration, clips, look, image_digests=wiring.image_digests(script),
                               lower_third=config.video.lower_third)
            with reporter.stage("video") as stage:
                choice = wiring.told(wiring.encoder(config, picture, cache, pool), stage)
                pieces = composite(timeline, picture, choice, cache=cache, pool=pool, reporter=reporter, stage=stage)
        with reporter.stage("mix"):
            mix = mixing.result()
            wiring.judge(mix, config, reporter)
        with reporter.stage("publish"):
            published = publish(script, narration, mix, timeline, pieces, publication=publication, picture=picture,
                                cache=cache, presenters=presenters)
        cache.prune()
    report = account(published, loaded, config, script, mix, choice, picture, presenters, reporter, room,
                     (speech, music))
    return write_report(published, report, tuple(loaded.secrets))
