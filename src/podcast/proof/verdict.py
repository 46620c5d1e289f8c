"""The judgement: readings of a probe and the driver's view of it become one verdict, one sentence, one command."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any

from podcast.proof.nvml import Card, Sight
from podcast.proof.record import REQUIRED, Certainty, Operator, Proof, Verdict
from podcast.proof.wording import Told

# A device whose matrices are multiplied between these ratios of the CPU's speed may well be the CPU. Only consulted
# where the driver did not see the process.
SAME_SPEED = (0.67, 1.5)
# Where processes are hidden and the card did not move, another program may have freed what we took: only such a speed
# speaks for the card.
CLEARLY_FASTER = 4.0


# ---------------------------------------------------------------- architectures, versions, messages


def suits(archs: Sequence[str], capability: tuple[int, int]) -> bool:
    """Tell whether code built for `archs` runs on a card.

    A binary (sm_86) runs on its own major number from its minor number on; PTX (compute_90) is translated by the
    driver for every later card. A trailing "a" binds both to one exact card, "f" to one major number. (CUDA C++
    Programming Guide, "Application Compatibility" and "Family-specific features".)
    """
    for arch in archs:
        match = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", arch)
        if not match:
            continue
        built = (int(match[2]), int(match[3]))
        if built == capability:
            return True
        if match[4] == "a":
            continue
        if built <= capability and (built[0] == capability[0] or (match[1] == "compute" and match[4] != "f")):
            return True
    return False


_SAID: tuple[tuple[Verdict, str], ...] = (  # what runtimes say, the most telling first
    ("driver-too-old", r"driver version is insufficient|nvidia driver on your system is too old|"
                       r"forward compatibility was attempted|unsupported toolchain|ptx was compiled with"),
    ("cpu-build-of-torch", r"not compiled with cuda|not linked with support for mps"),
    ("no-gpu", r"no nvidia driver|no cuda-capable device|no cuda gpus are available|invalid device ordinal"),
    ("out-of-memory", r"out of memory|cublas_status_alloc_failed|cudnn_status_alloc_failed"),
    ("no-kernel", r"no kernel image|not (currently )?implemented|not (currently )?supported|unsupported|"
                  r"cudnn_status|unable to find an engine|invalid device function|assigned to the default cpu ep"),
)


def said(text: str) -> Verdict | None:
    """Return the verdict that a runtime's message stands for, None if it is not known."""
    return next((verdict for verdict, pattern in _SAID if re.search(pattern, text, re.IGNORECASE)), None)


def _older(driver: tuple[int, int] | None, runtime: str | None) -> bool:
    """Tell whether a driver's CUDA is of an earlier major number (within one, minor versions are compatible)."""
    major = re.match(r"\d+", runtime or "")
    return bool(driver and major and driver[0] < int(major[0]))


# ---------------------------------------------------------------- the verdict


def judge(
    asked: str, readings: Mapping[str, Any], sight: Sight, cards: Sequence[Card], *, name: str = "ENGINE",
    system: str | None = None,
) -> Proof:
    """Return the proof.

    Args:
        asked: the device that the user asked for ("auto" too).
        readings: what probe.py wrote; its "asked" is the device that was tried.
        sight: what the driver saw of the probe.
        cards: the cards that the driver presents.
        name: the engine's name, for the remedy.
        system: the operating system, for the remedy; None: this one.
    """
    operators = tuple(_operator(o, readings["asked"]) for o in readings["operators"])
    verdict, detail = _decide(readings, operators, sight, cards)
    tried = str(readings["asked"]).partition(":")[0]
    certainty = _certainty(verdict, tried, sight)
    card = _card_of(readings, cards)
    known: dict[str, Any] = {
        "name": readings["name"] or (card.name if card else ""),
        "capability": tuple(readings["capability"]) if readings["capability"] else card.capability if card else None,
        "archs": tuple(readings["archs"]), "driver": card.driver if card else "", "cuda": readings["cuda"] or "",
        "runtime": readings["runtime"], "version": readings["version"] or "",
        "memory": readings["memory"] or (card.memory if card else 0), "used": sight.memory, "busy": sight.busy,
        "speedup": readings["speedup"], "operators": operators, "seconds": readings["seconds"],
        "precisions": _whole(operators),
    }
    device = _device(verdict, tried)
    told = Told(name, known["name"], known["driver"], readings, card, detail, operators, system or platform.system())
    return Proof(asked, device, verdict, told.sentence(verdict, certainty, sight), told.remedy(verdict), certainty,
                 proved=tried, **known)


def _operator(reading: Mapping[str, Any], asked: str) -> Operator:
    kind = asked.partition(":")[0]
    error, deviation = reading["error"], reading["deviation"]
    if not error and not reading["skipped"]:
        if deviation is None:
            error = "the result is not a number"
        elif deviation > reading["tolerance"]:
            error = f"the result is wrong: off by {deviation:.2g}, {reading['tolerance']:g} is allowed"
    return Operator(reading["family"], reading["precision"], not error and not reading["skipped"], reading["skipped"],
                    deviation, reading["tolerance"], reading["seconds"], reading["cpu_seconds"],
                    reading["event_ms"], bool(reading["fell_back"] or (reading["place"] not in ("", kind))),
                    reading["place"], error)


def _whole(operators: Sequence[Operator]) -> tuple[str, ...]:
    """Return the precisions in which every operator works."""
    names = dict.fromkeys(o.precision for o in operators)
    return tuple(n for n in names if all(o.works for o in operators if o.precision == n))


def _card_of(readings: Mapping[str, Any], cards: Sequence[Card]) -> Card | None:
    if not cards or not str(readings["asked"]).startswith("cuda"):
        return None
    return next((c for c in cards if c.name == readings["name"]), cards[0])


def _device(verdict: Verdict, tried: str) -> str:
    if verdict == "no-runtime":
        return ""
    return ("cuda:0" if tried == "cuda" else tried) if verdict == "engaged" else "cpu"


def _certainty(verdict: Verdict, tried: str, sight: Sight) -> Certainty:
    if verdict not in ("engaged", "silently-on-cpu"):
        return "certain"
    if tried != "cuda" or not sight.looked:
        return "unconfirmed"  # no driver to ask: the runtime's own word, its events and its speed
    return "certain" if sight.named else "likely"


def _decide(
    readings: Mapping[str, Any], operators: Sequence[Operator], sight: Sight, cards: Sequence[Card]
) -> tuple[Verdict, str]:
    """Return the verdict and the message behind it."""
    if readings["version"] is None:
        return "no-runtime", readings["error"]
    tried = str(readings["asked"]).partition(":")[0]
    failed = [o for o in operators if o.precision == REQUIRED and not o.works and not o.skipped]
    messages = " | ".join([readings["error"], *readings["warnings"]])
    if tried == "cpu":
        return ("no-runtime", readings["error"] or failed[0].error) if readings["error"] or failed else ("cpu", "")
    if not readings["available"]:
        return _unavailable(readings, cards, messages, tried), readings["error"]
    if failed or readings["error"]:
        return _failed(readings, failed, messages)
    return ("silently-on-cpu", why) if (why := _silent(readings, operators, sight)) else ("engaged", "")


def _unavailable(readings: Mapping[str, Any], cards: Sequence[Card], messages: str, tried: str) -> Verdict:
    """Return why a runtime finds no device."""
    if tried == "mps":
        return said(messages) or "no-gpu"
    if not (readings["cuda"] or readings["hip"]):
        return "cpu-build-of-torch" if cards else "no-gpu"
    if any(_older(card.cuda, readings["cuda"]) for card in cards):
        return "driver-too-old"
    return said(messages) or "no-gpu"


def _failed(readings: Mapping[str, Any], failed: Sequence[Operator], messages: str) -> tuple[Verdict, str]:
    """Return what the messages of operators that failed amount to."""
    texts = [o.error for o in failed] or [messages]
    verdicts = [said(text) or "no-kernel" for text in texts]
    found = next(v for v, _ in (*_SAID, ("no-kernel", "")) if v in verdicts)
    text = texts[verdicts.index(found)]
    capability = readings["capability"]
    if found == "no-kernel" and capability and readings["archs"] and not readings["hip"] and \
            not suits(readings["archs"], tuple(capability)):
        return "unsupported-architecture", text
    return found, text


def _silent(readings: Mapping[str, Any], operators: Sequence[Operator], sight: Sight) -> str:
    """Return what shows that the device did no work, "" if it worked."""
    tried = [o for o in operators if o.works]
    if tried and all(o.fell_back for o in tried):
        return "every operator was computed on the processor"
    if sight.looked and sight.named and not sight.seen:
        return "the driver saw neither memory nor work of this process on the card"
    if readings["event_ms"] is not None and readings["event_ms"] <= 0:
        return "the card's own clock stood still"
    if readings["allocated"] is not None and readings["allocated"] <= 0:
        return "nothing lay in the card's memory"
    speedup = readings["speedup"]
    trusted = sight.named and sight.seen and bool(sight.busy or readings["event_ms"])
    if not trusted and speedup is not None and SAME_SPEED[0] <= speedup <= SAME_SPEED[1]:
        return f"it was as fast as the processor (x{speedup:.2f})"
    if sight.looked and not sight.seen and (speedup or 0) < CLEARLY_FASTER:
        return "the card's memory and utilisation did not move"
    return ""
