"""Voices in the cloud, against a server on this machine that behaves like the service, its bad days included."""

from __future__ import annotations

import base64
import io
import json
import pickle
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.audio import read_wav
from podcast.cache import Cache
from podcast.engines import cloud, speech_engine
from podcast.engines.gtts import LIMIT, GoogleTranslate, google_language
from podcast.episode import SAMPLE_RATE, Narration, Script, Speaker, Turn
from podcast.errors import EngineError
from podcast.narration import narrate
from tests.test_produce import create

QUICK = cloud.Patience(tries=4, first=0.01, most=0.5, timeout=5.0)
NEAR = 0.08  # s


def mp3(sound: np.ndarray) -> bytes:
    """Encode mono sound at 48 kHz as the service does."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        stream = out.add_stream("mp3", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], "s16", "mono")
        frame.rate = SAMPLE_RATE
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


class Google:
    """The service: what it was asked, and how it answers (`mood` first, one by one; then well)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, object]] = []
        self.mood: list[object] = []
        self.sound = lambda text: 0.3 * np.sin(2 * np.pi * 200 * len(self.asked) * np.arange(12000) / SAMPLE_RATE)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, body: bytes) -> bytes:
        calls = json.loads(parse_qs(body.decode("ascii"))["f.req"][0])
        name, said, nothing, kind = calls[0][0]
        assert (name, nothing, kind) == ("jQ1olc", None, "generic")
        text, language, slow, last = json.loads(said)
        assert last == "null" and len(text) <= LIMIT
        self.asked.append((text, language, slow))
        result = None if language == "la" else json.dumps([base64.b64encode(mp3(self.sound(text))).decode()])
        rows = [["wrb.fr", name, result, None, None, None, "generic"], ["di", 42], ["e", 4, None, None, 131]]
        line = json.dumps(rows, separators=(",", ":"))
        return f")]}}'\n\n{len(line)}\n{line}\n25\n[[\"e\",4,null,null,129]]\n".encode()


def _handler(google: Google) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/_/TranslateWebserverUi/data/batchexecute" or "Referer" not in self.headers:
                return self.say(404, b"no such page")
            mood = google.mood.pop(0) if google.mood else None
            if mood == "hang up":
                return self.connection.shutdown(socket.SHUT_RDWR)
            if mood == "half":
                return self.say(200, google.answer(body), cut=True)
            if isinstance(mood, tuple):
                return self.say(*mood)
            return self.say(200, mood if isinstance(mood, bytes) else google.answer(body))

        def say(self, code: int, body: bytes, headers: dict[str, str] | None = None, cut: bool = False) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def google() -> Iterator[Google]:
    service = Google()
    yield service
    service.server.shutdown()
    service.server.server_close()


def _say(google: Google, into: Path, text: str = "Hello there.", language: str = "en", **more: object) -> np.ndarray:
    engine = GoogleTranslate(google.url, QUICK)
    into.mkdir(exist_ok=True)
    return read_wav(engine.synthesize(text, "us", language, more, into).audio)[:, 0]


def test_it_speaks(google: Google, tmp_path: Path) -> None:
    sound = _say(google, tmp_path)
    assert google.asked == [("Hello there.", "en", None)]
    spectrum = np.abs(np.fft.rfft(sound))
    assert abs(np.argmax(spectrum) * SAMPLE_RATE / len(sound) - 200) < 10
    assert 0.2 < np.abs(sound).max() < 0.4


def test_slowly(google: Google, tmp_path: Path) -> None:
    _say(google, tmp_path, slow=True)
    assert google.asked[0][2] is True
    with pytest.raises(EngineError, match="no option 'rate'"):
        _say(google, tmp_path, rate=2)


def test_long_texts_are_said_in_order_without_a_click(google: Google, tmp_path: Path) -> None:
    text = "The first clause is of some length, as the second one is also, and the third, which ends here. " * 3
    sound = _say(google, tmp_path, text)
    said = [piece for piece, _, _ in google.asked]
    assert " ".join(said) == " ".join(text.split()) and len(said) > 2
    loud = np.abs(sound).reshape(-1)[: len(sound) // 480 * 480].reshape(-1, 480).max(axis=1) > 0.02
    assert np.count_nonzero(np.diff(loud.astype(int)) == 1) + int(loud[0]) == len(said)  # one tone each
    tones = [2 * np.pi * 200 * (i + 1) / SAMPLE_RATE * 0.3 for i in range(len(said))]
    assert np.abs(np.diff(sound)).max() < 1.2 * max(tones)  # no step is steeper than the steepest tone


@pytest.mark.parametrize("mood", [
    [(503, b"")], ["hang up"], ["half"], [(500, b"oh"), "hang up"], [(429, b"", {"Retry-After": "0"})],
])  # fmt: skip
def test_it_is_asked_again(google: Google, tmp_path: Path, mood: list[object]) -> None:
    google.mood = list(mood)
    assert len(_say(google, tmp_path)) > 10000
    assert not google.mood


def test_it_waits_as_long_as_it_is_told(
    google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(cloud.time, "sleep", waited.append)
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=20), usegmt=True)
    google.mood = [(code, b"", {"Retry-After": when}) for code, when in ((429, "7"), (429, soon), (503, "x"))]
    engine = GoogleTranslate(google.url, replace(QUICK, first=1.0, most=15.0))
    engine.synthesize("Hello.", "us", "en", {}, tmp_path)
    assert waited == [7.0, 15.0, 4.0]  # asked for; asked for, but at most; twice as long each time


@pytest.mark.parametrize(("mood", "problem"), [
    ([(403, b"<html><b>Sorry</b></html>")], r"refuses the request \(403\) and says: Sorry"),
    ([(429, b"busy")] * 4, "too many requests"),
    ([(503, b"")] * 4, "in trouble itself"),
    (["hang up"] * 4, "breaks off"),
    (["half"] * 4, "breaks off"),
    ([b"<html>a consent page</html>"], "did not speak 'Hello there.'"),
    ([b'[["wrb.fr","jQ1olc","[\\"bm90IHNvdW5k\\"]"]]'], "9 bytes that are no sound"),
])  # fmt: skip
def test_it_fails_with_a_remedy(google: Google, tmp_path: Path, mood: list[object], problem: str) -> None:
    google.mood = list(mood)
    with pytest.raises(EngineError, match=problem) as caught:
        _say(google, tmp_path)
    assert caught.value.remedy and caught.value.where == "tts.engine"
    assert not google.mood  # as often as promised, and no more
    assert not (tmp_path / "speech.wav").exists()


def test_there_is_no_network(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for url in (closed, "http://nobody.invalid"):
            with pytest.raises(EngineError, match="cannot be reached") as caught:
                GoogleTranslate(url, QUICK).synthesize("Hello.", "us", "en", {}, tmp_path)
            assert "espeak" in caught.value.remedy


def test_a_language_it_does_not_speak(google: Google, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no voice 'us' for the language 'tlh'"):
        _say(google, tmp_path, language="tlh")
    with pytest.raises(EngineError, match="did not speak"):
        _say(google, tmp_path, language="la")
    assert GoogleTranslate().voices("tlh") == ()


def test_voices_by_language() -> None:
    engine = GoogleTranslate()
    assert engine.voices("en")[0] == "us" and engine.voices("en-GB")[0] == "uk"
    assert engine.voices("ja") == ("standard",)
    codes = [google_language(tag) for tag in ("he", "zh", "zh-TW", "de-AT", "fil")]
    assert codes == ["iw", "zh-CN", "zh-TW", "de", "tl"]
    assert engine.gender("uk") == "female" and engine.about("uk") == "British woman"
    assert str(engine.cost(["a" * 1200])) == "1,200 characters, free"
    assert pickle.loads(pickle.dumps(engine)).identity() == engine.identity()  # it is sent to other processes


def test_money_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cloud.cost(["a" * 6000, "b" * 4000], 16.0) == cloud.Cost(10000, 0.16)
    service = cloud.Service("Somebody", "http://127.0.0.1", "SOMEBODY_KEY")
    monkeypatch.delenv("SOMEBODY_KEY", raising=False)
    with pytest.raises(EngineError, match="SOMEBODY_KEY"):
        cloud.key(service)
    monkeypatch.setenv("SOMEBODY_KEY", " secret \n")
    assert cloud.key(service) == "secret"


def test_a_key_that_is_refused_is_not_repeated(google: Google) -> None:
    google.mood = [(401, b"invalid key")]
    service = cloud.Service("Somebody", google.url, "SOMEBODY_KEY", QUICK)
    headers = {"Referer": "x", "Authorization": "secret"}
    with pytest.raises(EngineError, match="refuses the key") as caught:
        cloud.ask(service, "/_/TranslateWebserverUi/data/batchexecute", b"", headers)
    assert "SOMEBODY_KEY" in caught.value.remedy and "secret" not in str(caught.value)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=30), st.integers(5, 60))
def test_pieces_hold_every_character(words: list[str], limit: int) -> None:
    text = " ".join(words)
    cut = cloud.pieces(text, limit)
    assert all(0 < len(piece) <= limit for piece in cut)
    assert "".join(cut).replace(" ", "") == "".join(text.split())


def test_pieces_end_where_one_breathes() -> None:
    first, second = "He came, he saw.", "Then he left again because nothing was there to be seen by anybody"
    assert cloud.pieces(f"{first} {second}", 70) == [first, second]


def test_an_episode_is_spoken_by_the_cloud(google: Google, tmp_path: Path) -> None:
    embedded, turn = speech_engine("espeak"), threading.Lock()
    times: dict[str, list[tuple[str, float]]] = {}

    def speak(text: str) -> np.ndarray:
        with turn:
            speech = embedded.synthesize(text, "isla", "en", {}, tmp_path)
            times[text] = [(w.text, w.start / SAMPLE_RATE) for w in speech.words]
            return read_wav(speech.audio)[:, 0]

    google.sound = speak
    lines = ("The old boat came home before the storm.", "Nobody on the shore had waited for it.")
    script = Script(tmp_path / "s.txt", "T", tuple(Turn("HOST", text, i) for i, text in enumerate(lines)),
                    (Speaker("HOST", "Host"),))  # fmt: skip

    def told() -> Narration:
        engine, cache = GoogleTranslate(google.url, QUICK), Cache(tmp_path / "cache")
        with ThreadPoolExecutor(2) as pool:
            return narrate(script, engine=engine, cache=cache, pool=pool, rate=Fraction(25))

    for utterance in [slot.utterance for slot in told().slots if slot.utterance]:
        known = times[utterance.text]
        assert [w.text for w in utterance.words] == [text for text, _ in known]
        starts = np.array([w.start / SAMPLE_RATE for w in utterance.words])
        true = np.array([start for _, start in known])
        assert np.abs((starts - starts[0]) - (true - true[0])).max() < NEAR
    asked = len(google.asked)
    told()
    assert len(google.asked) == asked  # all from the cache


def test_an_episode_with_a_cloud_voice_from_the_command_line(google: Google, tmp_path: Path) -> None:
    embedded, turn = speech_engine("espeak"), threading.Lock()

    def speak(text: str) -> np.ndarray:
        with turn:
            return read_wav(embedded.synthesize(text, "isla", "en", {}, tmp_path).audio)[:, 0]

    google.sound = speak
    (tmp_path / "s.txt").write_text("The old boat came home. Nobody on the shore had waited for it.\n")
    asked = []
    for _ in range(2):
        create(tmp_path, "--audio-only", "--skip-music", "--set", "tts.engine=gtts", PODCAST_GTTS_URL=google.url)
        report = json.loads((tmp_path / "data/episodes/s/report.json").read_text())
        narration = next(stage for stage in report["stages"] if stage["name"] == "narration")
        asked.append(len(google.asked))
        assert narration["engine"] == "gtts" and not report["warnings"]
    assert asked[0] >= 2 and asked[0] == asked[1] and narration["reused"] == 2
    with av.open(str(tmp_path / "data/episodes/s/s.mp3")) as sound:
        assert sound.duration / av.time_base > 3
