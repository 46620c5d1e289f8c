"""What a verdict says to a person, and the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podcast.proof.nvml import Card, Sight
from podcast.proof.record import REQUIRED, Certainty, Operator, Verdict

_ON_CPU = "podcast create SCRIPT --avatar --cpu"
_DRIVERS = {  # how a driver is brought up to date
    "Windows": "start https://www.nvidia.com/drivers",
    "Linux": "sudo ubuntu-drivers install   # elsewhere: the newest driver of https://www.nvidia.com/drivers, restart",
}


@dataclass(frozen=True)
class Told:
    """What sentences are made of."""

    engine: str
    card_name: str
    driver: str
    readings: Mapping[str, Any]
    card: Card | None
    detail: str
    operators: tuple[Operator, ...]
    system: str

    def sentence(self, verdict: Verdict, certainty: Certainty, sight: Sight) -> str:
        """Return one sentence for a person."""
        return getattr(self, "_" + verdict.replace("-", "_"))(certainty, sight)  # type: ignore[no-any-return]

    @property
    def _card(self) -> str:
        return self.card_name or "the card"

    @property
    def _runtime(self) -> str:
        runtime = "PyTorch" if self.readings["runtime"] == "torch" else str(self.readings["runtime"])
        return f"{runtime} {self.readings['version'] or ''}".strip()

    def _engaged(self, certainty: Certainty, sight: Sight) -> str:
        proof = {"certain": "its driver saw the process", "likely": "the card's memory and utilisation moved; single "
                 "processes are hidden here, so this is less certain",
                 "unconfirmed": "by its own clock and speed; no driver could be asked"}[certainty]
        speed = f", x{self.readings['speedup']:.1f} against the processor" if self.readings["speedup"] else ""
        back = sorted({o.family for o in self.operators if o.fell_back})
        note = f"; {', '.join(back)} fell back to the processor" if back else ""
        halves = sorted({o.precision for o in self.operators if not o.works and not o.skipped})
        note += f"; {', '.join(halves)} can't be used" if halves else ""
        return f"{self._card} does the work ({proof}{speed}{note})."

    def _silently_on_cpu(self, certainty: Certainty, sight: Sight) -> str:
        return f"{self._runtime} says that it uses {self._card}, but the processor does the work: {self.detail}."

    def _unsupported_architecture(self, certainty: Certainty, sight: Sight) -> str:
        capability = self.readings["capability"]
        return (f"{self._runtime} was not built for {self._card} (sm_{capability[0]}{capability[1]}): it was built for "
                f"{', '.join(self.readings['archs'])}.")

    def _driver_too_old(self, certainty: Certainty, sight: Sight) -> str:
        serves = f" (it serves CUDA {self.card.cuda[0]}.{self.card.cuda[1]})" if self.card and self.card.cuda else ""
        driver = f"The NVIDIA driver {self.driver}{serves}" if self.driver else "The NVIDIA driver"
        return f"{driver} is too old for {self._runtime}, which was built with CUDA {self.readings['cuda']}."

    def _no_kernel(self, certainty: Certainty, sight: Sight) -> str:
        failed = sorted({o.family for o in self.operators if o.precision == REQUIRED and not o.works and not o.skipped})
        return f"{self._runtime} can't compute {', '.join(failed) or 'anything'} on {self._card}: {self.detail[:160]}."

    def _out_of_memory(self, certainty: Certainty, sight: Sight) -> str:
        size = f" of {self.card.memory / 1e9:.0f} GB" if self.card and self.card.memory else ""
        return f"The memory{size} of {self._card} is full before the work begins: another program holds it."

    def _cpu_build_of_torch(self, certainty: Certainty, sight: Sight) -> str:
        return f"{self._card} is there, but {self._runtime} in this environment was built for the processor alone."

    def _no_gpu(self, certainty: Certainty, sight: Sight) -> str:
        if self._hidden:
            return f"The card is hidden: CUDA_VISIBLE_DEVICES is {self.readings['visible']!r}."
        if self.card:
            why = self.detail[:160] or "no reason told"
            return f"{self._card} is there, but {self._runtime} can't reach it: {why}."
        tried = str(self.readings["asked"]).partition(":")[0]
        return "No Apple GPU can be used here." if tried == "mps" else "No NVIDIA card with a driver was found."

    def _cpu(self, certainty: Certainty, sight: Sight) -> str:
        return f"{self._runtime} works on the processor."

    def _no_runtime(self, certainty: Certainty, sight: Sight) -> str:
        runtime = "PyTorch" if self.readings["runtime"] == "torch" else self.readings["runtime"]
        return f"{runtime} does not work in this environment: {self.detail[:200] or 'no reason told'}."

    @property
    def _hidden(self) -> bool:
        return self.readings["visible"] is not None and self.readings["visible"].strip() in ("", "-1", "NoDevFiles")

    def remedy(self, verdict: Verdict) -> str:
        """Return one command."""
        if verdict in ("engaged", "cpu"):
            return ""
        if verdict == "no-gpu":
            hides = "set CUDA_VISIBLE_DEVICES=" if self.system == "Windows" else "unset CUDA_VISIBLE_DEVICES"
            return hides if self._hidden else _ON_CPU
        if verdict == "driver-too-old":
            return _DRIVERS.get(self.system, _DRIVERS["Linux"])
        if verdict == "out-of-memory":
            return f"nvidia-smi   # end what fills the card, then: podcast engines verify {self.engine}"
        if verdict == "no-kernel" and str(self.readings["asked"]).startswith("mps"):
            allowed = self.readings["fallback"] == "1"  # and even so it fails
            return _ON_CPU if allowed else f"PYTORCH_ENABLE_MPS_FALLBACK=1 podcast engines verify {self.engine}"
        return f"podcast engines repair {self.engine}"
