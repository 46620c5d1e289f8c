"""Prove a device within an engine's environment: run the probe there, look at it through the driver, judge, keep."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import queue
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podcast.process import ProgramError, start_program, stop
from podcast.proof.nvml import Card, CardReader, CardUse, look, open_reader
from podcast.proof.policy import mps_fallback
from podcast.proof.record import Proof, as_data, from_data
from podcast.proof.verdict import judge

if TYPE_CHECKING:  # at run time it would be a circle: environments prove themselves
    from podcast.environments.spec import EngineSpec

_SCRIPTS = (Path(__file__).with_name("probe.py"), Path(__file__).with_name("probe_onnx.py"))
_FILE = "proof.json"
_KEPT = 8  # proofs in a file: devices asked, cards swapped
_PASSING = ("out-of-memory", "no-runtime")  # verdicts that another minute may change: never kept
_LOOK = 0.03  # s between looks at the driver
LIMIT = 120.0  # s for the probe; a first import of torch from a slow disk takes most of it
_TAIL = 300  # characters of a crash that are told
# What the user's environment says about devices: another value is another proof.
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PYTORCH_ENABLE_MPS_FALLBACK", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Needs:
    """What an engine needs of a device."""

    operators: tuple[str, ...]
    precisions: tuple[str, ...] = ("float32",)
    runtime: str = "torch"  # or "onnxruntime"
    name: str = "ENGINE"  # for remedies


def needs_of(spec: EngineSpec | Needs) -> Needs:
    """Return what an engine's manifest asks for."""
    if isinstance(spec, Needs):
        return spec
    return Needs(tuple(spec.needs), tuple(spec.precisions), getattr(spec, "runtime", "torch"), spec.name)


def choose(asked: str, cards: Sequence[Card], devices: Sequence[str] = ("cuda", "mps", "cpu")) -> str:
    """Return the device to try for "auto", else the one that was asked for.

    Args:
        asked: "auto", "cuda", "mps" or "cpu".
        cards: what the driver presents.
        devices: what the environment is made for.
    """
    if asked != "auto":
        return asked
    if cards and "cuda" in devices:
        return "cuda"
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return "mps" if apple and "mps" in devices else "cpu"


def prove(
    python: Path, spec: EngineSpec | Needs, asked: str, *, digest: str, folder: Path,
    reader: CardReader | None = None, devices: Sequence[str] = ("cuda", "mps", "cpu"),
    environment: Mapping[str, str] | None = None, refresh: bool = False, limit: float = LIMIT,
) -> Proof:
    """Return what a device does in an environment, from the cache or by trying it.

    Args:
        python: the environment's interpreter.
        spec: the engine, or what it needs.
        asked: "auto", "cuda", "mps" or "cpu".
        digest: of the environment.
        folder: the environment's; the proof is kept there.
        reader: the driver's view; None: NVML.
        devices: what the environment is made for.
        environment: the worker's variables; None: ours.
        refresh: try, whatever is kept.
        limit: seconds for the probe, the import of torch included.
    """
    needs, reader = needs_of(spec), reader or open_reader()
    cards = reader.cards()
    tried = choose(asked, cards, devices)
    variables = dict(os.environ if environment is None else environment)
    if tried == "mps":
        variables = {**mps_fallback(), **variables}  # as the policy will; the probe notices what falls back
    key = _key(needs, tried, digest, cards, variables)
    kept = _read(folder / _FILE)
    if not refresh and key in kept:
        with contextlib.suppress(TypeError, KeyError, AttributeError):  # written by another version
            return replace(from_data(kept[key]), asked=asked, cached=True)
    proof = _try(python, needs, asked, tried, cards, reader, variables, limit)
    if tried != "cpu" and proof.verdict != "engaged":
        processor = prove(python, needs, "cpu", digest=digest, folder=folder, reader=reader, environment=environment,
                          refresh=refresh, limit=limit)
        proof, kept = _fallen(proof, processor), _read(folder / _FILE)
    if proof.verdict not in _PASSING:
        _keep(folder / _FILE, kept, key, proof)
    return proof


def _fallen(proof: Proof, processor: Proof) -> Proof:
    """Return the proof of a device that does no work, with what the processor can do instead."""
    if not processor.works:
        return replace(proof, device="", precisions=(), proved="cpu")
    if proof.verdict == "no-runtime":  # it works on the processor, so it is the device that it falls over
        proof = replace(proof, verdict="no-kernel", sentence=proof.sentence.replace("in this environment",
                                                                                    f"on {proof.name or 'the GPU'}", 1))
    return replace(proof, device="cpu", precisions=processor.precisions, proved="cpu")


def _key(needs: Needs, tried: str, digest: str, cards: Sequence[Card], variables: Mapping[str, str]) -> str:
    """Return what a proof depends on: engine's needs, device, driver, cards, environment, probe, variables."""
    code = hashlib.sha256(b"".join(script.read_bytes() for script in _SCRIPTS)).hexdigest()
    known = [needs.operators, needs.precisions, needs.runtime, tried, digest, code, platform.platform(),
             [[c.name, c.uuid, c.driver, c.memory] for c in cards], [variables.get(name) for name in _VARIABLES]]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:24]


def _read(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(file: Path, kept: Mapping[str, Any], key: str, proof: Proof) -> None:
    """Write the proofs, the newest last; where that can't be done, the next run proves again."""
    rest = [(k, v) for k, v in kept.items() if k != key][-(_KEPT - 1):]
    data = json.dumps(dict([*rest, (key, as_data(proof))]), indent=1)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
            new.write(data)
        os.replace(new.name, file)


# ---------------------------------------------------------------- trying


def _try(
    python: Path, needs: Needs, asked: str, tried: str, cards: Sequence[Card], reader: CardReader,
    variables: Mapping[str, str], limit: float,
) -> Proof:
    request = {"device": tried, "operators": needs.operators, "precisions": needs.precisions, "runtime": needs.runtime}
    looks = tried == "cuda"
    before = reader.sample() if looks else ()
    try:
        readings, samples, pid = _run(python, request, reader if looks else None, variables, limit)
    except ProgramError as error:
        readings, samples, pid = _nothing(request, error.problem), [], 0
    sight = look(before, samples, {pid, readings["pid"]})
    return judge(asked, readings, sight, cards, name=needs.name)


def _run(
    python: Path, request: Mapping[str, Any], reader: CardReader | None, variables: Mapping[str, str], limit: float
) -> tuple[dict[str, Any], list[tuple[CardUse, ...]], int]:
    """Run the probe; return its readings, the driver's view while it ran and its process number."""
    child = start_program([python, _SCRIPTS[0]], env=variables)
    assert child.stdin and child.stdout and child.stderr
    lines: queue.Queue[bytes] = queue.Queue()
    tail: list[bytes] = []
    readers = [threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True),
               threading.Thread(target=lambda: tail.append(child.stderr.read()), daemon=True)]  # type: ignore[union-attr]
    for thread in readers:
        thread.start()
    samples: list[tuple[CardUse, ...]] = []
    try:
        with contextlib.suppress(OSError):  # it died at once: the missing line tells
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        line = _await(lines, samples, reader, time.monotonic() + limit)
        with contextlib.suppress(OSError):
            child.stdin.close()  # the probe lets go of the card
    finally:
        if child.poll() is None:
            with contextlib.suppress(Exception):
                child.wait(2.0)
        stop(child)
        for thread in readers:
            thread.join(2.0)
    try:
        return json.loads(line), samples, child.pid
    except ValueError:
        said = b"".join(tail).decode("utf-8", "replace").strip()[-_TAIL:]
        why = f"the probe did not answer within {limit:g} s" if line == _LATE else \
            f"the probe ended with status {child.returncode}: {said or 'it said nothing'}"
        return _nothing(request, why), samples, child.pid


_LATE = b"late"


def _pump(stream: Any, lines: queue.Queue[bytes]) -> None:
    lines.put(stream.readline())


def _await(
    lines: queue.Queue[bytes], samples: list[tuple[CardUse, ...]], reader: CardReader | None, end: float
) -> bytes:
    """Return the probe's line, looking at the driver meanwhile and once more while the probe still holds the card."""
    line = _LATE
    while time.monotonic() < end:
        try:
            line = lines.get(timeout=_LOOK if reader else 1.0)
        except queue.Empty:
            if reader:
                samples.append(reader.sample())
            continue
        break
    if reader:
        samples.append(reader.sample())
    return line


def _nothing(request: Mapping[str, Any], why: str) -> dict[str, Any]:
    """Return the readings of a probe that did not answer."""
    return {"probe": 0, "runtime": request["runtime"], "pid": 0, "python": "", "asked": request["device"],
            "version": None, "cuda": None, "hip": None, "available": False, "error": why, "name": "",
            "capability": None, "archs": [], "memory": 0, "event_ms": None, "allocated": None, "speedup": None,
            "operators": [], "warnings": [], "seconds": 0.0, "import_seconds": 0.0, "visible": None,
            "fallback": None}
