"""Everything into the episode's folder: the joined video, captions, chapters, transcript, thumbnail, report.

Files are made in a draft folder beside the finished ones, read back, and renamed in one by one, the report last:
whatever has its final name is whole, and a failed run leaves an earlier episode as it was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from podcast import sidecars
from podcast.cache import Cache, is_alive
from podcast.captions import caption_blocks, shape_for
from podcast.episode import Episode, Mix, Narration, Presenter, Script, Timeline, samples_at, seconds
from podcast.errors import PodcastError
from podcast.ffmpeg import ChapterMark, Checked, Picture, Track, check_video, join
from podcast.graphics.cover import cover_art, thumbnail
from podcast.graphics.theme import Theme
from podcast.report import Report, report_json, report_page
from podcast.sound.export import export
from podcast.stage import backdrop_of, cut_out

REPORT = "report.json"
_THUMBNAIL_VERSION = 2
_THUMBNAIL_BYTES = 2_000_000  # YouTube's limit
_JPEG_QUALITIES = (92, 85, 75, 60)
_ISO_639_2 = {"en": "eng", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "pt": "por", "nl": "nld", "pl": "pol",
              "ru": "rus", "tr": "tur", "ar": "ara", "hi": "hin", "zh": "zho", "cmn": "zho", "ja": "jpn", "ko": "kor"}


@dataclass(frozen=True)
class Publication:
    """What is published, and where."""

    episodes: Path  # the folder that holds all episodes
    name: str  # of the episode's folder and main file
    mode: str = "video"  # "audio", "preview"
    draft: bool = False
    sound_format: str = ".mp3"  # of episodes without video
    captions: bool = True
    thumbnail: bool = True
    transcript: bool = True
    author: str = ""
    show: str = ""
    disclosure: str = ""  # what is synthetic, for the file's own metadata

    @property
    def folder(self) -> Path:
        """The episode's own folder."""
        return self.episodes / self.name


def slug(name: str) -> str:
    """Return a name that every file system takes: letters, digits, dot, dash and underscore.

    Raises:
        PodcastError: nothing of it is left.
    """
    text = unicodedata.normalize("NFKC", name).strip()
    text = re.sub(r"[^\w.-]+", "-", text).strip("-.")[:100]
    if not text:
        raise PodcastError(f"{name!r} is no name for an episode", "choose another one with -o NAME")
    return f"_{text}" if text.split(".")[0].upper() in _RESERVED else text


_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{d}{n}" for d in ("COM", "LPT") for n in range(1, 10))}  # on Windows


@dataclass(frozen=True)
class Published:
    """The episode, and what reading it back showed."""

    episode: Episode
    checked: Checked | None
    notes: tuple[str, ...]


def publish(
    script: Script, narration: Narration, mix: Mix, timeline: Timeline | None, pieces: list[tuple[Path, int]] | None,
    *, publication: Publication, picture: Picture, cache: Cache, presenters: Sequence[Presenter] = (),
) -> Published:
    """Make all files of an episode and put them under their final names.

    Args:
        script: what was said.
        narration: when.
        mix: the mastered sound.
        timeline: for the look of the thumbnail; None: sound only.
        pieces: encoded shots in order; None: sound only.
        publication: what and where.
        picture: size and rate.
        cache: where the thumbnail is kept.
        presenters: shown on the thumbnail.

    Raises:
        MediaError: the finished file is not what it should be.
        PodcastError: the folder cannot be written or the disk is full.
    """
    folder = publication.folder
    draft = folder / f".draft-{os.getpid()}"
    try:
        _sweep(folder)
        draft.mkdir(parents=True)
        checked = None
        if pieces is not None:
            checked = _write_video(draft / _main_name(publication, ".mp4"), script, narration, mix, pieces, picture,
                                   publication)
        else:
            export(mix, draft / _main_name(publication, publication.sound_format), script.title, publication.author)
        notes = [] if publication.mode == "preview" or publication.draft else _write_sidecars(
            draft, script, narration, timeline, publication, picture, cache, presenters)
        files = _put_in_place(draft, folder)
    except OSError as error:
        raise PodcastError(f"cannot be written ({error.strerror or error})", "free some space or choose another "
                           "folder: PODCAST_DATA_DIR=/some/folder", str(error.filename or folder)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Published(_episode(script, narration, mix, publication, files), checked, tuple(notes))


def _main_name(publication: Publication, suffix: str) -> str:
    kind = "-preview" if publication.mode == "preview" else "-draft" if publication.draft else ""
    return f"{publication.name}{kind}{suffix}"


def _sweep(folder: Path) -> None:
    """Remove the drafts of runs that were killed."""
    for left in folder.glob(".draft-*"):
        if not is_alive(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)


def _episode(script: Script, narration: Narration, mix: Mix, publication: Publication,
             files: Sequence[Path]) -> Episode:
    main = next(f for f in files if _is_main(f, publication.name))
    video = main if main.suffix == ".mp4" else None
    return Episode(publication.name, script.title, publication.folder, video, None if video else main,
                   seconds(narration.length), narration.frames, mix.loudness, mix.true_peak, tuple(files))


def _is_main(file: Path, name: str) -> bool:
    """Tell whether a file is what an episode of that name is about: its video or, without one, its sound."""
    return file.stem.startswith(name) and file.suffix in (".mp4", ".mp3", ".m4a", ".wav", ".flac")


def _put_in_place(draft: Path, folder: Path) -> list[Path]:
    """Rename the files of the draft into the folder."""
    placed = []
    for file in sorted(draft.iterdir()):
        os.replace(file, folder / file.name)
        placed.append(folder / file.name)
    return placed


# ---------------------------------------------------------------- the video


def _write_video(path: Path, script: Script, narration: Narration, mix: Mix, pieces: list[tuple[Path, int]],
                 picture: Picture, publication: Publication) -> Checked:
    marks = sidecars.chapter_marks(script, narration)
    starts = [round(mark.start * picture.rate) for mark in marks]
    ends = [*starts[1:], narration.frames]
    chapters = [ChapterMark(m.title, a, b) for m, a, b in zip(marks, starts, ends, strict=False)]
    if chapters and chapters[0].start > 0:
        chapters.insert(0, ChapterMark(script.title or "Start", 0, chapters[0].start))
    metadata = {"title": script.title, "artist": publication.author or script.author, "album": publication.show,
                "comment": ". ".join(part for part in (script.description, publication.disclosure) if part)}
    language = _ISO_639_2.get(script.language.split("-")[0].lower(), "und")
    track = Track(mix.aac, tuple(chapters), {k: v for k, v in metadata.items() if v}, language)
    join(pieces, picture.rate, track, path)
    return check_video(path, picture, narration.frames, sound=True)


# ---------------------------------------------------------------- beside the video


def _write_sidecars(
    draft: Path, script: Script, narration: Narration, timeline: Timeline | None, publication: Publication,
    picture: Picture, cache: Cache, presenters: Sequence[Presenter],
) -> list[str]:
    """Write captions, chapters, transcript and thumbnail; return notes about what could not be made."""
    notes: list[str] = []
    length, marks = seconds(narration.length), sidecars.chapter_marks(script, narration)
    author = publication.author or script.author
    if publication.captions:
        captions = read_captions(script, narration, picture.width, picture.height)
        sidecars.write_text(draft / f"{publication.name}.srt", sidecars.srt(captions))
        sidecars.write_text(draft / f"{publication.name}.vtt", sidecars.vtt(captions))
    text, why_not = sidecars.youtube_chapters(marks, length, script.title)
    if text:
        sidecars.write_text(draft / "chapters.txt", text)
    elif marks:
        notes.append(f"no chapters for YouTube: {why_not}")
    if marks:
        sidecars.write_text(draft / "chapters.json", sidecars.chapters_json(marks, length, script.title, author))
    if publication.thumbnail and timeline:
        shutil.copyfile(_thumbnail(script, timeline, presenters, author, cache), draft / "thumbnail.jpg")
    if publication.transcript:
        poster = "thumbnail.jpg" if (draft / "thumbnail.jpg").exists() else ""
        main = _main_name(publication, ".mp4" if timeline else publication.sound_format)
        page = sidecars.transcript_page(
            script.title, sidecars.paragraphs(script, narration), main, marks=marks, description=script.description,
            author=author, language=script.language, captions=f"{publication.name}.vtt" if publication.captions else "",
            poster=poster)
        sidecars.write_text(draft / "transcript.html", page)
    return notes


def read_captions(script: Script, narration: Narration, width: int, height: int) -> list[sidecars.Caption]:
    """Return the episode's captions, as they are burned in."""
    found = []
    for slot in narration.slots:
        if slot.utterance is None:
            continue
        start = narration.speech_start(slot)
        until = samples_at(slot.start + slot.frames, narration.rate) - start
        name = script.speaker(slot.utterance.speaker).name
        for block in caption_blocks(slot.utterance.words, shape_for(width, height), until):
            found.append(sidecars.Caption(seconds(start + block.start), seconds(start + block.end), block.text, name))
    return found


def _thumbnail(script: Script, timeline: Timeline, presenters: Sequence[Presenter], author: str,
               cache: Cache) -> Path:
    look = timeline.look
    address = cache.key("thumbnail", _THUMBNAIL_VERSION, title=script.title, author=author, accent=look.accent,
                        background=look.background_digest or look.background, cover=look.cover_digest,
                        host=presenters[0].digest if presenters else "", font=look.font_digest)

    def make(folder: Path) -> None:
        theme = Theme(accent=look.accent, font=look.font, font_bold=look.font)
        if presenters:
            host = cut_out(presenters[0])
        else:
            host = np.clip(cover_art("", "", 640, theme, look.cover), 0, 255).astype(np.uint8)
        _save_jpeg(thumbnail(script.title, backdrop_of(look, cache), theme, host, author), folder / "thumbnail.jpg")

    return cache.fetch(address, make) / "thumbnail.jpg"


def _save_jpeg(rgb: np.ndarray, path: Path) -> None:
    for quality in _JPEG_QUALITIES:
        Image.fromarray(rgb).save(path, quality=quality, optimize=True)
        if path.stat().st_size < _THUMBNAIL_BYTES:
            return


# ---------------------------------------------------------------- report and list


def write_report(published: Published, report: Report, secrets: Sequence[str]) -> Episode:
    """Write report.html and report.json, the last files of an episode; return the episode with them."""
    episode = published.episode
    html, data = episode.folder / "report.html", episode.folder / REPORT
    sidecars.write_text(html, report_page(report, secrets))
    sidecars.write_text(data, report_json(report, secrets))
    return replace(episode, files=(*episode.files, html, data))


def finished_episodes(episodes: Path) -> list[dict[str, Any]]:
    """Return what is known of the finished episodes in a folder, the newest first."""
    found = []
    for path in episodes.glob(f"*/{REPORT}"):
        try:
            report = json.loads(path.read_text("utf-8"))
            main = next(path.parent / name for name in report["files"] if _is_main(Path(name), path.parent.name))
            made = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
            found.append({"name": path.parent.name, "title": report["title"], "seconds": report["length"],
                          "made": made, "file": str(main)})
        except (OSError, ValueError, KeyError, StopIteration):
            continue  # not an episode's report: somebody else's file
    return sorted(found, key=lambda e: e["made"], reverse=True)
