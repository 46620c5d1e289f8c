"""The NVIDIA driver's own view of cards and processes, behind one small protocol that tests can feed."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# Inode of the machine's first process namespace (PROC_PID_INIT_INO in Linux' proc_ns.h). In another one, as in a
# container, the driver's process numbers are not ours.
_FIRST_NAMESPACE = "pid:[4026531836]"
CARD_NOISE = 32 * 2**20  # bytes by which a card's memory moves without us: desktops, other programs
BUSY_NOISE = 0.10  # utilisation, likewise


@dataclass(frozen=True)
class Card:
    """A card as its driver describes it."""

    name: str
    uuid: str
    memory: int  # bytes
    capability: tuple[int, int] | None  # compute capability
    driver: str  # "580.82.07"
    cuda: tuple[int, int] | None  # the newest CUDA that the driver serves
    part: bool = False  # an instance of a divided card (MIG)


@dataclass(frozen=True)
class ProcessUse:
    """What a process takes of a card."""

    pid: int
    memory: int | None  # bytes; None: there but not told (Windows)
    busy: float | None  # 0..1 of the card's time; None: not told


@dataclass(frozen=True)
class CardUse:
    """A card at a moment."""

    uuid: str
    memory: int  # bytes in use, by anybody
    busy: float | None  # 0..1, by anybody; None: not told (MIG)
    processes: tuple[ProcessUse, ...] | None  # None: hidden (a container, WSL)


class CardReader(Protocol):
    """Something that tells of cards."""

    def cards(self) -> tuple[Card, ...]:
        """Return the cards; none without a driver."""
        ...

    def sample(self) -> tuple[CardUse, ...]:
        """Return the cards' state now."""
        ...


class NoCards:
    """The reader where no NVIDIA driver answers."""

    def __init__(self, why: str = "") -> None:
        self.why = why

    def cards(self) -> tuple[Card, ...]:
        """Return nothing."""
        return ()

    def sample(self) -> tuple[CardUse, ...]:
        """Return nothing."""
        return ()


def open_reader() -> CardReader:
    """Return a reader over NVML, or one without cards that says why."""
    library = importlib.import_module("pynvml")
    try:
        return NvmlReader(library)
    except library.NVMLError as error:
        return NoCards(str(error))


def processes_hidden() -> bool:
    """Tell whether the driver's process numbers mean nothing here (a container, WSL)."""
    try:
        if "microsoft" in Path("/proc/version").read_text("utf-8", "replace").lower():
            return True
        return str(Path("/proc/self/ns/pid").readlink()) != _FIRST_NAMESPACE
    except OSError:
        return False  # not Linux


class NvmlReader:
    """Cards through NVML; each part of a card divided by MIG counts as a card."""

    def __init__(self, library: Any, hidden: bool | None = None) -> None:
        self._nvml = library
        library.nvmlInit()
        self._hidden = processes_hidden() if hidden is None else hidden
        self._since: dict[str, int] = {}  # time stamp (us) of the last utilisation that was told, by card
        self._handles = list(self._find())

    def cards(self) -> tuple[Card, ...]:
        """Return the cards."""
        driver = _text(self._ask("nvmlSystemGetDriverVersion"))
        number = self._ask("nvmlSystemGetCudaDriverVersion")  # 12080 is 12.8
        cuda = (number // 1000, number % 1000 // 10) if number else None
        return tuple(self._card(handle, parent, driver, cuda) for handle, parent in self._handles)

    def sample(self) -> tuple[CardUse, ...]:
        """Return the cards' state now."""
        return tuple(self._use(handle, parent) for handle, parent in self._handles)

    def _find(self) -> Iterator[tuple[Any, Any]]:
        """Yield (handle, handle of the whole card)."""
        for index in range(self._ask("nvmlDeviceGetCount") or 0):
            whole = self._ask("nvmlDeviceGetHandleByIndex", index)
            if whole is None:
                continue
            mode = self._ask("nvmlDeviceGetMigMode", whole)
            most = self._ask("nvmlDeviceGetMaxMigDeviceCount", whole) or 0 if mode and mode[0] else 0
            parts = [self._ask("nvmlDeviceGetMigDeviceHandleByIndex", whole, i) for i in range(most)]
            found = [part for part in parts if part is not None]
            yield from ((part, whole) for part in found or [whole])

    def _card(self, handle: Any, whole: Any, driver: str, cuda: tuple[int, int] | None) -> Card:
        capability = self._ask("nvmlDeviceGetCudaComputeCapability", whole)
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        return Card(_text(self._ask("nvmlDeviceGetName", handle)) or "NVIDIA GPU",
                    _text(self._ask("nvmlDeviceGetUUID", handle)), int(memory.total) if memory else 0,
                    (int(capability[0]), int(capability[1])) if capability else None, driver, cuda,
                    handle is not whole)

    def _use(self, handle: Any, whole: Any) -> CardUse:
        uuid = _text(self._ask("nvmlDeviceGetUUID", handle))
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        rates = self._ask("nvmlDeviceGetUtilizationRates", handle) if handle is whole else None
        return CardUse(uuid, int(memory.used) if memory else 0, rates.gpu / 100 if rates else None,
                       None if self._hidden else self._processes(handle, uuid))

    def _processes(self, handle: Any, uuid: str) -> tuple[ProcessUse, ...] | None:
        computing = self._ask("nvmlDeviceGetComputeRunningProcesses", handle)
        if computing is None:
            return None
        # Windows lists some with those that draw; clients of the multi-process service have a list of their own.
        drawing = self._ask("nvmlDeviceGetGraphicsRunningProcesses", handle) or []
        serviced = self._ask("nvmlDeviceGetMPSComputeRunningProcesses", handle) or []
        busy: dict[int, float] = {}
        for one in self._ask("nvmlDeviceGetProcessUtilization", handle, self._since.get(uuid, 0)) or []:
            self._since[uuid] = max(self._since.get(uuid, 0), int(one.timeStamp))
            busy[int(one.pid)] = max(busy.get(int(one.pid), 0.0), one.smUtil / 100)
        memory = {int(p.pid): p.usedGpuMemory for p in [*drawing, *serviced, *computing]}
        return tuple(ProcessUse(pid, None if held is None else int(held), busy.get(pid))
                     for pid, held in memory.items())

    def _ask(self, question: str, *args: Any) -> Any:
        """Return an answer, None where this card or driver has none (not supported, no permission, not found)."""
        with contextlib.suppress(self._nvml.NVMLError, AttributeError):
            return getattr(self._nvml, question)(*args)
        return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


@dataclass(frozen=True)
class Sight:
    """What the driver saw of some processes over a while."""

    looked: bool = False  # there was something to look with
    named: bool = False  # processes were told; else it is the card's own change, which others can cause too
    seen: bool = False  # they hold memory of a card, or keep it busy
    memory: int = 0  # bytes, the peak
    busy: float | None = None  # 0..1, the peak; None: not told


def look(before: Sequence[CardUse], samples: Sequence[Sequence[CardUse]], pids: Collection[int]) -> Sight:
    """Return what was seen of the processes in samples that were taken while they worked.

    Args:
        before: the cards before the processes started; needed where processes are hidden.
        samples: the cards while they worked.
        pids: the processes' numbers.
    """
    sights = [_look_at(use, {u.uuid: u for u in before}, pids) for sample in samples for use in sample]
    if not sights:
        return Sight()
    told = [s.busy for s in sights if s.busy is not None]
    named = all(s.named for s in sights) or any(s.named and s.seen for s in sights)
    return Sight(True, named, any(s.seen for s in sights), max(s.memory for s in sights), max(told) if told else None)


def _look_at(use: CardUse, before: dict[str, CardUse], pids: Collection[int]) -> Sight:
    if use.processes is not None:
        ours = [p for p in use.processes if p.pid in pids]
        told = [p.busy for p in ours if p.busy is not None]
        return Sight(True, True, bool(ours), sum(p.memory or 0 for p in ours), sum(told) if told else None)
    earlier = before.get(use.uuid, use)
    memory = max(0, use.memory - earlier.memory)
    busy = None if use.busy is None else max(0.0, use.busy - (earlier.busy or 0.0))
    return Sight(True, False, memory > CARD_NOISE or (busy or 0.0) > BUSY_NOISE, memory, busy)


