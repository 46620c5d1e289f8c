"""Examine this machine: what is there, what was proved to work, and what that means for an episode."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from podcast import device, ffmpeg
from podcast.errors import PodcastError
from podcast.process import WorkerPool
from podcast.proof import CardReader, NoCards, Proof, as_data, open_reader, policy_for
from podcast.report import redact, versions

Verdict = Literal["good", "note", "bad"]
_GB = 1e9
# Variables that change what devices do, or where things lie.
_TELLING = ("CUDA_", "NVIDIA_", "PYTORCH_", "OMP_", "MKL_", "OPENBLAS_", "PODCAST_", "ROCR_", "HIP_")
_SHORTEST_NAME = 3  # letters of a user's or machine's name that is looked for in texts
_NOBODY = {"root", "user", "admin", "runner", "podcast", "localhost"}  # names that tell nothing, and are words


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    found: str
    meaning: str


def findings(
    size: tuple[int, int], rate: Fraction, configured: str | None, fonts: str, *,
    engines: Sequence[tuple[str, Proof]] = (), reader: CardReader | None = None,
) -> list[Finding]:
    """Return what was found, the processor first.

    Args:
        size: width and height that encoders are proved with.
        rate: frames per second.
        configured: the ffmpeg program that the configuration names.
        fonts: a warning about fonts, "" if all is well.
        engines: installed engines and what was proved in their environments.
        reader: the driver's view of cards; None: NVML.
    """
    return [_processor(), _memory(), *_gpus(reader or open_reader()), *_ffmpeg(configured),
            *_encoders(size, rate, configured), _voice(),
            Finding("note" if fonts else "good", "fonts", fonts or "FiraGO, embedded", ""),
            *(engine_finding(name, proof) for name, proof in engines)]


def _processor() -> Finding:
    cores = device.processors()
    meaning = f"{cores} shots are rendered at a time" if cores > 1 else "shots are rendered one after the other"
    half = "; engines may use bfloat16" if device.has_bfloat16() else ""
    return Finding("good", "processor", device.cpu().name, meaning + half)


def _memory() -> Finding:
    total = device.memory_bytes()
    short = 0 < total < 2 * _GB
    return Finding("note" if short else "good", "memory", f"{total / _GB:.1f} GB" if total else "not told",
                   "little: use workers: 1" if short else "")


def _gpus(reader: CardReader) -> list[Finding]:
    meaning = "what it does for an engine is proved in that engine's environment"
    rows = [Finding("good", "GPU", _card_text(card), meaning) for card in reader.cards()]
    if rows:
        return rows
    why = f" ({reader.why})" if isinstance(reader, NoCards) and reader.why else ""
    found = device.gpus()
    if not found:
        return [Finding("note", "GPU", f"none found{why}", "not needed: everything built in runs on the processor")]
    odd = "; its driver does not answer, try `nvidia-smi`"
    return [Finding("bad" if gpu.kind == "cuda" else "good", "GPU", gpu.name + (why if gpu.kind == "cuda" else ""),
                    gpu.reason + (odd if gpu.kind == "cuda" else "")) for gpu in found]


def _card_text(card: Any) -> str:
    capability = f", compute capability {card.capability[0]}.{card.capability[1]}" if card.capability else ""
    serves = f" (CUDA {card.cuda[0]}.{card.cuda[1]})" if card.cuda else ""
    part = ", a part of a card" if card.part else ""
    return f"{card.name}, {card.memory / _GB:.0f} GB{capability}, driver {card.driver or 'not told'}{serves}{part}"


def engine_finding(name: str, proof: Proof) -> Finding:
    """Return the line about an installed engine."""
    if not proof.holds:
        way = "it works on the processor meanwhile" if proof.works else "it can't be used"
        return Finding("bad", f"engine {name}", proof.sentence, f"{way}; mend it: {proof.remedy}")
    policy = policy_for(proof)
    on = ", ".join(flag for flag, value in policy.flags.items() if value)
    return Finding("good", f"engine {name}", f"{proof.device}: {proof.sentence}",
                   f"{policy.precision}, {policy.threads} threads" + (f"; on: {on}" if on else ""))


def _ffmpeg(configured: str | None) -> list[Finding]:
    versions = ", ".join(f"{name} {v}" for name, v in ffmpeg.library_versions().items()
                         if name in ("PyAV", "libavcodec", "libavformat"))
    rows = [Finding("good", "FFmpeg library", versions, "comes with podcast; decodes, encodes and joins")]
    try:
        program = ffmpeg.find_program(configured)
        text = ffmpeg.program_version(program) if program else "none"
        rows.append(Finding("note", "ffmpeg program", text, "optional: tried only for hardware encoders"))
    except PodcastError as error:
        rows.append(Finding("bad", "ffmpeg program", error.problem, error.remedy))
    return rows


def _encoders(size: tuple[int, int], rate: Fraction, configured: str | None) -> list[Finding]:
    picture = ffmpeg.Picture(*size, rate)
    with tempfile.TemporaryDirectory() as folder, WorkerPool(1) as pool:
        reason = ffmpeg.probe(ffmpeg.Encoder("libx264"), picture, Path(folder))
        rows = [Finding("bad" if reason else "good", "encoder x264", reason or "12 frames encoded and decoded",
                        "" if reason else "used unless a hardware encoder proves itself")]
        try:
            program = ffmpeg.find_program(configured)
        except PodcastError:
            program = None
        choice = ffmpeg.choose_encoder("auto", picture, Path(folder), program,
                                       lambda function, *args: pool.submit(function, *args).result())
    rows += [Finding("note", f"encoder {name.removeprefix('h264_')}", f"not usable: {why}", "")
             for name, why in choice.refused]
    if choice.encoder.hardware:
        rows.append(Finding("good", f"encoder {choice.encoder.name}", "12 frames encoded and decoded", "it is used"))
    return rows


def _voice() -> Finding:
    from podcast.engines import speech_engine

    info = speech_engine("espeak").info
    return Finding("good", "voice", f"espeak-ng {info.version}", "built in; neural voices are engines to install")


# ---------------------------------------------------------------- a file for a bug report


def report_data(
    rows: Sequence[Finding], engines: Sequence[tuple[str, Proof]] = (), differences: Mapping[str, Any] | None = None,
    secrets: Collection[str] = (), environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return everything that helps with a bug, without secrets and without names of people, machines and folders.

    Args:
        rows: what `findings` returned.
        engines: installed engines and their proofs.
        differences: settings that are not the default, by dotted key.
        secrets: texts that came from the environment.
        environment: the variables; None: ours.
    """
    variables = os.environ if environment is None else environment
    data = {
        "versions": versions(),
        "machine": {"system": platform.platform(), "processors": device.processors(), "cores": os.cpu_count(),
                    "quota": device.cpu_quota(), "bfloat16": device.has_bfloat16(), "memory": device.memory_bytes()},
        "findings": [asdict(row) for row in rows],
        "engines": {name: as_data(proof) for name, proof in engines},
        "settings": dict(differences or {}),
        "variables": {key: value for key, value in sorted(variables.items()) if key.startswith(_TELLING)},
    }
    masked = redact(json.loads(json.dumps(data, default=str)), secrets)
    return nameless(masked, [str(Path.home())], _names())  # type: ignore[no-any-return]


def _names() -> list[str]:
    """Return the names of the user and of the machine, where they are ones."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # nobody, or Windows without variables
        user = ""
    names = {user, Path.home().name, platform.node(), platform.node().partition(".")[0]}
    return sorted((n for n in names if len(n) >= _SHORTEST_NAME and n.lower() not in _NOBODY), key=len, reverse=True)


def nameless(data: Any, homes: Sequence[str], names: Sequence[str]) -> Any:
    """Return plain data with home folders as "~" and whole-word names as "•••"."""
    if isinstance(data, Mapping):
        return {nameless(k, homes, names): nameless(v, homes, names) for k, v in data.items()}
    if isinstance(data, (list, tuple)):
        return [nameless(v, homes, names) for v in data]
    if not isinstance(data, str):
        return data
    for home in (h for h in homes if len(h) > 1):
        for form in {home, home.replace("\\", "/")}:
            data = re.sub(re.escape(form) + r"(?![\w.-])", "~", data)
    for name in names:
        data = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "•••", data, flags=re.IGNORECASE)
    return data


def report_text(data: Mapping[str, Any]) -> str:
    """Return the report for people: every section as lines, the engines' operators as JSON at the end."""
    lines = ["podcast doctor", ""]
    for section in ("versions", "machine", "settings", "variables"):
        lines += [f"## {section}", *(f"{key}: {value}" for key, value in data[section].items()), ""]
    lines += ["## findings"]
    for row in data["findings"]:
        meaning = f" | {row['meaning']}" if row["meaning"] else ""
        lines.append(f"[{row['verdict']}] {row['what']}: {row['found']}{meaning}")
    lines += ["", "## engines", json.dumps(data["engines"], indent=1, ensure_ascii=False)]
    return "\n".join(lines) + "\n"


def write_report(file: Path, data: Mapping[str, Any]) -> None:
    """Write the report: JSON into *.json, text into anything else.

    Raises:
        PodcastError: it cannot be written.
    """
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n" if file.suffix == ".json" else report_text(data)
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise PodcastError(f"cannot be written ({error.strerror})", "--report FILE", str(file)) from error
