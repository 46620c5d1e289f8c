"""The report of an episode: what was asked, what did it, how long it took and what came out.

report.json, schema 1 (a missing number is null; later versions may add keys and never change these)::

    schema       1
    title        the episode's title
    finished     ISO 8601 time with zone
    asked        command [str]; options {str: plain}; differences [{key, value, default, source}]: the
                 configuration where it is not the default, and which file or option says so
    stages       [{name, engine, device, why, seconds, made, reused, proof}] in the order of the work;
                 seconds of wall time; made and reused count pieces (cache misses and hits); proof is null or
                 {asked, used, verdict, proof, remedy, utilisation (0 … 1), peak_memory (bytes), steps [str], policy}
    encoder      {chosen, why, refused [{name, why}]} of the picture; null for sound only
    sound        {loudness (LUFS), true_peak (dBTP), target (LUFS)}, measured after AAC
    video        {width, height, rate (frames per second, as "25" or "30000/1001"), frames, sync_error (s)} or null
    length       seconds
    versions     {name: version}
    licences     [{name, licence, note}] of engines, voices and fonts
    warnings     [str]
    files        [str] names beside the report
"""

from __future__ import annotations

import json
import math
import platform
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from itertools import pairwise
from typing import Any

from podcast import __version__
from podcast.sidecars import templates

SCHEMA = 1
MASK = "•••"
_SHORTEST_SECRET = 4  # characters; a shorter one is masked only where it stands alone
_SECRET_WORDS = {"secret", "secrets", "token", "password", "passwd", "passphrase", "credential", "credentials",
                 "authorization", "apikey", "bearer", "cookie"}
_SECRET_PAIRS = {("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("auth", "key")}
_ASSIGNED = re.compile(r"(?P<key>[\w.-]+)(?P<sign>[=:]\s*)(?P<value>[^\s,;&]+)")
_USER_INFO = re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)")
_PACKAGES = {"PyAV": "av", "NumPy": "numpy", "SciPy": "scipy", "OpenCV": "opencv-python-headless",
             "Pillow": "pillow", "espeakng-loader": "espeakng-loader"}


@dataclass(frozen=True)
class Difference:
    """A configuration value that is not the default."""

    key: str
    value: Any
    default: Any = None
    source: str = ""  # "config.yaml", "--set", "front matter"


@dataclass(frozen=True)
class DeviceReport:
    """What was asked of a device, what it was proved to do, and what it did."""

    asked: str  # "auto", "cuda", "mps", "cpu"
    used: str
    verdict: str  # of the proof
    proof: str  # a sentence for a person
    remedy: str = ""
    utilisation: float | None = None  # mean share of the time in which the card worked, 0 … 1; None: not watched
    peak_memory: int | None = None  # bytes of the card
    steps: tuple[str, ...] = ()  # taken when memory ran out
    policy: Mapping[str, Any] = field(default_factory=dict)  # optimisations that were on


@dataclass(frozen=True)
class StageReport:
    """What did a stage, where and why, and how long it took."""

    name: str
    engine: str = ""
    device: str = ""
    why: str = ""
    seconds: float = 0.0
    made: int = 0
    reused: int = 0
    proof: DeviceReport | None = None  # for engines that are installed


@dataclass(frozen=True)
class Refused:
    """An encoder that was not taken, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class EncoderReport:
    """The encoder of the picture."""

    chosen: str
    why: str = ""
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True)
class SoundReport:
    """Measured after AAC."""

    loudness: float  # LUFS
    true_peak: float  # dBTP
    target: float  # LUFS


@dataclass(frozen=True)
class VideoReport:
    """The picture as it was probed."""

    width: int
    height: int
    rate: str  # frames per second
    frames: int
    sync_error: float | None = None  # seconds between the ends of picture and sound


@dataclass(frozen=True)
class Licence:
    """Under what terms something in the episode may be used."""

    name: str
    licence: str
    note: str = ""


@dataclass(frozen=True)
class Report:
    """All that is told of an episode; the keys are explained at the head of this module."""

    title: str
    finished: str
    length: float
    command: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    stages: tuple[StageReport, ...] = ()
    encoder: EncoderReport | None = None
    sound: SoundReport | None = None
    video: VideoReport | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    licences: tuple[Licence, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def report_data(report: Report, secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return the report as plain data after the schema, secrets masked."""
    found = _plain(asdict(report))
    asked = {name: found.pop(name) for name in ("command", "options", "differences")}
    for difference in asked["differences"]:
        if _is_secret(difference["key"]):
            difference |= {"value": MASK, "default": None}
    head = {"schema": SCHEMA, "title": found.pop("title"), "finished": found.pop("finished"), "asked": asked}
    return redact(head | found, secrets)  # type: ignore[no-any-return]


def report_json(report: Report, secrets: Collection[str] = ()) -> str:
    """Return report.json."""
    return json.dumps(report_data(report, secrets), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def report_page(report: Report, secrets: Collection[str] = ()) -> str:
    """Return report.html: the same for people."""
    data = report_data(report, secrets)
    longest = max((stage["seconds"] or 0 for stage in data["stages"]), default=0) or 1
    total = sum(stage["seconds"] or 0 for stage in data["stages"])
    return templates().get_template("report.html").render(data, longest=longest, total=total)


def versions() -> dict[str, str]:
    """Return the versions of the product and of what it stands on."""
    import av

    found = {"podcast": __version__, "Python": sys.version.split()[0], "system": platform.platform()}
    for name, package in _PACKAGES.items():
        try:
            found[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found | {name: ".".join(map(str, version)) for name, version in sorted(av.library_versions.items())}


def redact(data: Any, secrets: Collection[str] = ()) -> Any:
    """Return plain data with secrets masked.

    Masked are the values of keys that look like secrets (also within "key=value" strings), user names and passwords
    in addresses, and wherever they occur the given values (such as those expanded from `${...}`).
    """
    if isinstance(data, Mapping):
        return {key: MASK if _is_secret(str(key)) and value not in (None, "", False) else redact(value, secrets)
                for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        flags = [None, *data]  # the value of "--api-key VALUE" stands alone
        return [MASK if isinstance(flag, str) and flag.startswith("-") and "=" not in flag and _is_secret(flag)
                else redact(value, secrets) for flag, value in zip(flags, data, strict=False)]
    if isinstance(data, str):
        return _masked(data, secrets)
    return MASK if str(data) in secrets and data is not None and not isinstance(data, bool) else data


def _masked(text: str, secrets: Collection[str]) -> str:
    if text in secrets and text:
        return MASK
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _USER_INFO.sub(MASK, text)
    return _ASSIGNED.sub(lambda m: m["key"] + m["sign"] + (MASK if _is_secret(m["key"]) else m["value"]), text)


def _is_secret(key: str) -> bool:
    """Return whether the last part of a dotted key looks like a secret's: api_key, hfToken, PASSWORD."""
    last = key.rsplit(".", 1)[-1]
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", last)]
    return bool(_SECRET_WORDS & set(words)) or bool(_SECRET_PAIRS & set(pairwise(words)))


def _plain(data: Any) -> Any:
    """Return data as JSON knows it: no tuples, no infinities, everything else as text."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return [_plain(value) for value in data]
    if isinstance(data, float):
        return round(data, 4) if math.isfinite(data) else None
    return data if data is None or isinstance(data, (bool, int, str)) else str(data)
