"""The report: complete, stable, and without secrets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast import __version__
from podcast.report import (
    MASK,
    DeviceReport,
    Difference,
    EncoderReport,
    Licence,
    Refused,
    Report,
    SoundReport,
    StageReport,
    VideoReport,
    redact,
    report_data,
    report_json,
    report_page,
    versions,
)
from tests.test_sidecars import Page

FULL = Report(
    title="Cats & <dogs>",
    finished="2030-01-02T03:04:05+00:00",
    length=183.2,
    command=("podcast", "create", "a.txt", "--set", "tts.api_key=hunter22"),
    options={"mode": "video", "output": None},
    differences=(Difference("mix.loudness", -14.0, -16.0, "config.yaml"),
                 Difference("tts.api_key", "hunter22", None, "--set")),
    stages=(StageReport("narration", "espeak-ng", "cpu", "no neural engine is installed", 0.4, 20, 3),
            StageReport("video", "drawn", "cpu", "no GPU was found", 41.30, 60, 2,
                        DeviceReport("auto", "cuda:0", "engaged", "The card did the work.", "", 0.83, 3_400_000_000,
                                     ("one frame at a time instead of 2",)))),
    encoder=EncoderReport("libx264", "nothing else passed", (Refused("h264_nvenc", "Cannot load libcuda.so.1"),)),
    sound=SoundReport(-16.02, -1.3, -16.0),
    video=VideoReport(1920, 1080, "25", 4580, 0.0123456),
    versions={"podcast": "1"},
    licences=(Licence("espeak-ng", "GPL-3.0-or-later", "its output may be used freely"),),
    warnings=("a <b>warning</b> with hunter22",),
    files=("my #1.mp4",),
)
EMPTY = Report("T", "2030-01-02T03:04:05+00:00", 0.0)


def test_the_schema_does_not_change():
    data = json.loads(report_json(FULL))
    assert list(data) == ["schema", "title", "finished", "asked", "length", "stages", "encoder", "sound", "video",
                          "versions", "licences", "warnings", "files"]
    assert data["schema"] == 1
    assert list(data["asked"]) == ["command", "options", "differences"]
    assert data["stages"][0] == {"name": "narration", "engine": "espeak-ng", "device": "cpu", "seconds": 0.4,
                                 "why": "no neural engine is installed", "made": 20, "reused": 3, "proof": None}
    assert data["encoder"]["refused"] == [{"name": "h264_nvenc", "why": "Cannot load libcuda.so.1"}]
    assert data["sound"] == {"loudness": -16.02, "true_peak": -1.3, "target": -16.0}
    assert data["video"]["sync_error"] == 0.0123
    assert list(json.loads(report_json(EMPTY))) == list(data)


def test_silence_is_null_in_json_and_said_in_the_page():
    silent = Report("T", "", 1.0, sound=SoundReport(float("-inf"), float("-inf"), -16))
    assert json.loads(report_json(silent))["sound"]["loudness"] is None
    assert "silent" in "".join(Page(report_page(silent)).text)


def test_the_page_tells_what_the_data_tell():
    page = Page(report_page(FULL))
    text = " ".join("".join(page.text).split())
    for piece in ("Cats & <dogs>", "3:03", "-16.0 LUFS", "-1.3 dBTP", "1920×1080", "12 ms", "espeak-ng on cpu",
                  "no GPU was found", "20 made, 3 from the cache", "41.30 s", "libx264", "Cannot load libcuda.so.1",
                  "mix.loudness", "-14.0", "config.yaml", "GPL-3.0-or-later", "<b>warning</b>"):
        assert piece in text, piece
    assert page.all("a")[0]["href"] == "my%20%231.mp4"
    assert "Every setting had its default." in "".join(Page(report_page(EMPTY)).text)


def test_no_secret_reaches_the_report():
    for text in (report_json(FULL, {"hunter22"}), report_page(FULL, {"hunter22"})):
        assert "hunter22" not in text and MASK in text
    assert report_data(FULL)["asked"]["differences"][1]["value"] == MASK


@pytest.mark.parametrize("key", ["api_key", "apiKey", "API-KEY", "hf_token", "Password", "client_secret", "tts.token",
                                 "aws_secret_access_key", "HF_TOKEN", "Authorization"])
def test_keys_that_look_like_secrets_are_masked(key):
    assert redact({key: "abc"}) == {key: MASK}
    assert redact({"deep": [{key: 12345}]}) == {"deep": [{key: MASK}]}
    assert redact(f"--set {key}=abc --quiet") == f"--set {key}={MASK} --quiet"
    assert redact(["--" + key, "abc", "rest"]) == ["--" + key, MASK, "rest"]


@pytest.mark.parametrize("key", ["author", "keyframes", "key", "tokens_per_second", "monkey", "keyboard", "cache_key"])
def test_other_keys_are_kept(key):
    assert redact({key: "abc"}) == {key: "abc"} and redact(f"{key}=abc") == f"{key}=abc"


def test_given_values_and_addresses_are_masked_wherever_they_stand():
    assert redact({"a": "x-s3cret-y", "b": ["s3cret"]}, {"s3cret"}) == {"a": f"x-{MASK}-y", "b": [MASK]}
    assert redact("https://me:pass@host/path") == f"https://{MASK}@host/path"
    assert redact({"a": "a cat", "b": "a", "c": None, "d": True, "e": 7}, {"a", "7"}) == {
        "a": "a cat", "b": MASK, "c": None, "d": True, "e": MASK}


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8,
)


@given(plain, st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=12, max_size=20))
def test_a_long_secret_never_survives(data, secret):
    hidden = json.dumps(redact({"before": data, "value": f"a {secret} b", "list": [secret, data]}, {secret}))
    assert secret not in hidden


def test_versions_name_what_the_product_stands_on():
    found = versions()
    assert found["podcast"] == __version__
    assert {"Python", "system", "PyAV", "NumPy", "OpenCV", "libavcodec"} <= set(found)


def test_the_page_tells_what_the_card_did():
    page = report_page(FULL)
    assert "asked auto, used cuda:0: The card did the work." in page
    assert "the card worked 83 % of the time" in page and "3.4 GB at most" in page and "one frame at a time" in page
