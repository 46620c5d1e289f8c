"""Encoding, the encoder's proof, joining: looked at by decoding what was made."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from podcast.canvas import Canvas
from podcast.device import has_library
from podcast.errors import MediaError, PodcastError
from podcast.ffmpeg import (
    ChapterMark,
    Encoder,
    Picture,
    Track,
    check_video,
    choose_encoder,
    count_frames,
    find_program,
    join,
    open_sink,
    probe,
)

SMALL = Picture(320, 180, Fraction(25))
X264 = Encoder("libx264")


def _piece(path: Path, levels: list[int], picture: Picture = SMALL) -> tuple[Path, int]:
    """Encode one grey frame per level."""
    canvas, sink = Canvas(picture.width, picture.height), open_sink(X264, picture, path)
    for level in levels:
        canvas.planar[:] = 128
        canvas.y[:] = level
        sink.write(canvas)
    sink.close()
    return path, len(levels)


def _levels(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [round(float(f.to_ndarray()[:180].mean())) for f in container.decode(video=0)]


def _boxes(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), Fraction(60), Fraction(30000, 1001)])
def test_pieces_of_any_length_join_frame_by_frame(tmp_path: Path, rate: Fraction) -> None:
    picture = Picture(320, 180, rate)
    levels = [list(range(30, 30 + n)) for n in (40, 1, 2, 3, 17)]
    pieces = [_piece(tmp_path / f"{i}.mp4", part, picture) for i, part in enumerate(levels)]
    join(pieces, rate, Track(), tmp_path / "all.mp4")
    with av.open(str(tmp_path / "all.mp4")) as container:
        times = [f.time for f in container.decode(video=0)]
    assert _levels(tmp_path / "all.mp4") == [level for part in levels for level in part]
    assert np.allclose(times, np.arange(len(times)) / float(rate), atol=2e-5)


def test_the_file_is_what_platforms_ask_for(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    marks = (ChapterMark("Início", 0, 25), ChapterMark("Two", 25, 50))
    join([_piece(tmp_path / "a.mp4", [90] * 50)], SMALL.rate, Track(chapters=marks, metadata={"title": "Ünï"},
                                                                    language="eng"), out)
    data = _boxes(out)
    assert b"elst" not in data
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert (stream.profile, stream.pix_fmt, stream.average_rate) == ("High", "yuv420p", 25)
        assert stream.codec_context.colorspace == 1
        assert container.metadata["title"] == "Ünï"
        assert [c["metadata"]["title"] for c in container.chapters()] == ["Início", "Two"]
        keys = [p.pts * p.time_base for p in container.demux(stream) if p.is_keyframe and p.pts is not None]
    assert max(np.diff(keys)) <= 0.52


def test_pieces_of_other_settings_are_refused(tmp_path: Path) -> None:
    pieces = [_piece(tmp_path / "a.mp4", [50] * 5), _piece(tmp_path / "b.mp4", [50] * 5, Picture(640, 360, SMALL.rate))]
    with pytest.raises(MediaError, match="other settings"):
        join(pieces, SMALL.rate, Track(), tmp_path / "out.mp4")


def test_a_missing_frame_is_noticed(tmp_path: Path) -> None:
    path, frames = _piece(tmp_path / "a.mp4", [50] * 5)
    with pytest.raises(MediaError, match="5 frames instead of 6"):
        join([(path, frames + 1)], SMALL.rate, Track(), tmp_path / "out.mp4")


def test_check_video_reads_back(tmp_path: Path) -> None:
    path, _ = _piece(tmp_path / "a.mp4", [50] * 30)
    join([(path, 30)], SMALL.rate, Track(), tmp_path / "out.mp4")
    assert check_video(tmp_path / "out.mp4", SMALL, 30, sound=False).frames == 30
    for wrong in ({"frames": 31, "sound": False}, {"frames": 30, "sound": True}):
        with pytest.raises(MediaError, match="the finished video is wrong"):
            check_video(tmp_path / "out.mp4", SMALL, **wrong)


def test_the_same_frames_give_the_same_bytes_whatever_is_in_memory(tmp_path: Path) -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (330, 380), np.uint8), (0, 0), 4)
    noise = cv2.normalize(noise, None, 16, 235, cv2.NORM_MINMAX)
    made = set()
    for attempt in range(4):
        litter = [np.full(1 << size, 37 * attempt + 1, np.uint8) for size in range(12, 21) for _ in range(6)]
        del litter
        canvas, sink = Canvas(320, 180), open_sink(X264, SMALL, tmp_path / "piece.mp4")
        for i in range(40):
            x, y = int(20 + 15 * np.sin(i / 5)), int(20 + 15 * np.cos(i / 7))
            canvas.planar[:] = noise[y : y + 270, x : x + 320]
            sink.write(canvas)
        sink.close()
        made.add((tmp_path / "piece.mp4").read_bytes())
    assert len(made) == 1


def test_x264_proves_itself(tmp_path: Path) -> None:
    assert probe(X264, Picture(1920, 1080, Fraction(25)), tmp_path) == ""


def test_a_hardware_encoder_that_is_listed_but_does_not_work_is_refused(tmp_path: Path) -> None:
    choice = choose_encoder("auto", SMALL, tmp_path)
    if choice.encoder.hardware:  # pragma: no cover - on a machine that has one
        assert count_frames(next(tmp_path.glob("probe-*.mp4"))) == 12
    else:
        assert choice.encoder == X264
        assert {name for name, _ in choice.refused} >= {"h264_nvenc", "h264_qsv"}
        assert all(reason for _, reason in choice.refused)


@pytest.mark.skipif(has_library("libcuda.so.1", "nvcuda.dll"), reason="here it may work")
def test_a_failing_encoder_gives_its_reason(tmp_path: Path) -> None:
    assert len(probe(Encoder("h264_nvenc"), SMALL, tmp_path)) > 10


def test_an_encoder_asked_for_by_name_must_work(tmp_path: Path) -> None:
    with pytest.raises(PodcastError, match="unknown video encoder"):
        choose_encoder("h265ish", SMALL, tmp_path)


@pytest.mark.skipif(find_program(None) is None, reason="no program ffmpeg here")
def test_a_program_encodes_as_the_library_does(tmp_path: Path) -> None:
    program = find_program(None)
    assert program is not None
    assert probe(Encoder("libx264", program), SMALL, tmp_path) == ""
    assert probe(Encoder("h264_nonsense", program), SMALL, tmp_path)


def test_a_configured_program_must_be_there() -> None:
    with pytest.raises(PodcastError, match=r"video\.ffmpeg"):
        find_program("/no/such/ffmpeg")
