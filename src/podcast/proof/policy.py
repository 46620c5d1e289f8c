"""Which optimisations are on for a device that was proved, and why: one table for each family of devices."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from podcast import device
from podcast.proof.record import REQUIRED, Proof

_TENSOR_CORES = (7, 0)  # compute capability from which on there are matrix units for float16
_TF32 = (8, 0)  # and for TF32 and bfloat16
_ROOMY = 12e9  # bytes of a card's memory above which a decoder needs no tiles
# The GTX 16 series is of capability 7.5 and has no tensor cores; half precision gains little there, and convolutions
# of some sizes end in NaN (pytorch issues 58123 and 77955), which a probe of small sizes need not see.
_WITHOUT_TENSOR_CORES = ("GTX 16", "MX450", "MX550")
_TORCH = "https://docs.pytorch.org/docs/stable"


_FALLBACK = "PYTORCH_ENABLE_MPS_FALLBACK"
_WATERMARKS = {"PYTORCH_MPS_HIGH_WATERMARK_RATIO": "1.0", "PYTORCH_MPS_LOW_WATERMARK_RATIO": "0.8"}


def mps_fallback() -> dict[str, str]:
    """Return the variable that lets operators which Metal lacks run on the processor, unless the user set it."""
    return {_FALLBACK: os.environ.get(_FALLBACK, "1")}


@dataclass(frozen=True)
class Host:
    """What the machine offers to a worker."""

    processors: int  # that we may use
    performance_cores: int  # of Apple's; elsewhere as many as processors
    bfloat16: bool  # the processor computes with it
    vnni: bool = False  # and with bytes


def this_host() -> Host:
    """Describe this machine."""
    usable = device.processors()
    return Host(usable, min(usable, device.performance_cores() or usable), device.has_bfloat16(),
                device.has_vnni())


@dataclass(frozen=True)
class Rule:
    """A line of the table: an optimisation, when it is on, why, and who says so."""

    name: str
    when: str  # for a person
    why: str
    source: str
    applies: Callable[[Proof, Host], bool]


@dataclass(frozen=True)
class Policy:
    """Settings for a worker."""

    family: str  # "cuda", "mps", "cpu"
    device: str  # "cuda:0", "mps", "cpu"
    precision: str  # "float32", "float16", "bfloat16"
    threads: int
    workers: int  # of this engine at a time on the device
    flags: Mapping[str, bool] = field(default_factory=dict)  # optimisation: on
    reasons: Mapping[str, str] = field(default_factory=dict)  # optimisation: why it is on or off

    def environment(self) -> dict[str, str]:
        """Return variables for the worker's environment; they have to be there before its runtime is loaded."""
        found = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self.threads))
        if self.family == "mps":
            found |= mps_fallback()
            # Both, or torch refuses the upper one: "invalid low watermark ratio 1.4". The user's own are kept.
            found |= {k: os.environ[k] for k in _WATERMARKS if k in os.environ} or _WATERMARKS
        if self.family == "cuda":
            found["CUDA_MODULE_LOADING"] = "LAZY"  # kernels are loaded when they are used: a quicker start, less memory
        if self.family == "cpu":
            found["CUDA_VISIBLE_DEVICES"] = ""  # upstreams that choose CUDA by themselves don't find it
        return found

    def as_data(self) -> dict[str, object]:
        """Return what a worker's `load` is told."""
        return {"device": self.device, "threads": self.threads,
                "policy": {**self.flags, "precision": self.precision}}


def _always(proof: Proof, host: Host) -> bool:
    return True


def _never(proof: Proof, host: Host) -> bool:
    return False


def _halves(proof: Proof) -> tuple[str, ...]:
    return tuple(p for p in proof.precisions if p != REQUIRED)


def _tensor_cores(proof: Proof, host: Host) -> bool:
    named = any(word in proof.name for word in _WITHOUT_TENSOR_CORES)
    return bool(proof.capability and proof.capability >= _TENSOR_CORES and not named)


TABLE: Mapping[str, tuple[Rule, ...]] = {
    "cuda": (
        Rule("tf32", "compute capability 8.0 or later",
             "float32 convolutions and matrix products on tensor cores; 10 bits of mantissa are more than a picture "
             "of 8 bits shows", f"{_TORCH}/notes/cuda.html (TensorFloat-32)",
             lambda p, h: bool(p.capability and p.capability >= _TF32)),
        Rule("half", "the proof computed every operator in it, and the card has tensor cores",
             "half the memory traffic and matrix units; without tensor cores little is gained, and GTX 16 cards "
             "return NaN", "NVIDIA, Train With Mixed Precision; github.com/pytorch/pytorch/issues/77955",
             lambda p, h: bool(_halves(p)) and _tensor_cores(p, h)),
        Rule("channels_last", "with half precision",
             "tensor cores read NHWC; otherwise every convolution transposes first",
             "https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html",
             lambda p, h: bool(_halves(p)) and _tensor_cores(p, h)),
        Rule("cudnn_benchmark", "always", "shapes stay the same for a whole clip, so measuring once pays",
             f"{_TORCH}/backends.html (cudnn.benchmark)", _always),
        Rule("compile", "off", "takes a minute and needs Triton and a C compiler; a clip is done before it pays",
             f"{_TORCH}/generated/torch.compile.html", _never),
        Rule("vae_tiling", "less than 12 GB of memory", "a decoder's peak memory falls to that of one tile",
             "https://huggingface.co/docs/diffusers/optimization/memory", lambda p, h: 0 < p.memory < _ROOMY),
        Rule("parallel_workers", "off", "two processes on one card share its time and double its memory",
             "NVIDIA, CUDA Programming Guide (time slicing between contexts)", _never),
        Rule("quantisation", "off", "no engine ships quantised weights that were compared with the original",
             "docs/engines.md", _never),
    ),
    "mps": (
        Rule("half", "the proof computed every operator in float16",
             "half the traffic of a memory that the processor shares",
             "Apple, Metal Performance Shaders Graph (float16)", lambda p, h: "float16" in p.precisions),
        Rule("cpu_fallback", "unless the user's environment says 0",
             "operators that Metal lacks run on the processor instead of failing; the proof names them",
             f"{_TORCH}/mps_environment_variables.html (PYTORCH_ENABLE_MPS_FALLBACK)", _always),
        Rule("watermark", "always: 1.0 high, 0.8 low",
             "torch's own limit of 1.7 times Metal's recommended working set drives the machine into swap",
             f"{_TORCH}/mps_environment_variables.html (PYTORCH_MPS_HIGH_WATERMARK_RATIO)", _always),
        Rule("chunked", "always", "memory that is freed after each piece goes back to the whole machine",
             f"{_TORCH}/generated/torch.mps.empty_cache.html", _always),
        Rule("channels_last", "off", "Metal's graphs order the memory by themselves; stray strides are copied",
             "Apple, Metal Performance Shaders Graph", _never),
        Rule("compile", "off", "young on MPS, and it needs a C++ compiler",
             f"{_TORCH}/generated/torch.compile.html", _never),
        Rule("quantisation", "off", "torch's quantised operators exist for the processor only",
             f"{_TORCH}/quantization.html (Backend/Hardware Support)", _never),
        Rule("parallel_workers", "off", "a second worker takes memory that the first one and the processor share",
             "Apple, MTLDevice.recommendedMaxWorkingSetSize", _never),
    ),
    "cpu": (
        Rule("half", "bfloat16, where the processor has it (avx512_bf16, amx_bf16, Arm bf16) and the proof used it",
             "measured on the face renderer at 256, two threads: x2.9 against x1.6 in float32; emulated it is slower "
             "than float32", "our measurement, docs/gpu.md",
             lambda p, h: h.bfloat16 and "bfloat16" in p.precisions),
        Rule("channels_last", "off", "measured on the same renderer: x0.99", "our measurement, docs/gpu.md", _never),
        Rule("compile", "off", "x1.1 more on the same renderer, for a minute of compiling and a C++ compiler",
             "our measurement, docs/gpu.md", _never),
        Rule("quantisation", "the processor has VNNI; only engines that compared the result with the original use it",
             "measured on the face renderer at 256, two threads: x5.6 against x3.1 in bfloat16, 54 dB to upstream's "
             "picture; without VNNI sums of products of bytes overflow", "our measurement, docs/sadtalker.md",
             lambda p, h: h.vnni),
        Rule("parallel_workers", "off", "one worker with all threads takes the memory of one",
             f"{_TORCH}/notes/cpu_threading_torchscript_inference.html", _never),
    ),
}


def family_of(name: str) -> str:
    """Return the family of a device: "cuda:0" is "cuda"."""
    kind = name.partition(":")[0]
    return kind if kind in TABLE else "cpu"


def policy_for(proof: Proof, wanted: tuple[str, ...] = (), host: Host | None = None) -> Policy:
    """Return the settings for a worker on the device that was proved.

    Args:
        proof: of the device; its `device` is what will be worked on. If that is not where precisions were proved,
            float32 is used.
        wanted: precisions in the engine's order of preference; empty: as the proof has them.
        host: the machine; None: this one.
    """
    host = host or this_host()
    family = family_of(proof.device or "cpu")
    flags = {rule.name: rule.applies(proof, host) for rule in TABLE[family]}
    if family_of(proof.proved) != family:
        flags["half"] = False  # nothing is known of precisions there
    precision = _precision(family, proof, wanted) if flags["half"] else REQUIRED
    flags["half"] = precision != REQUIRED
    if "channels_last" in flags:
        flags["channels_last"] = flags["channels_last"] and flags["half"]
    reasons = {rule.name: f"{rule.when}: {rule.why}" for rule in TABLE[family]}
    threads = host.performance_cores if family == "mps" else host.processors
    return Policy(family, proof.device or "cpu", precision, threads, 1, flags, reasons)


def _precision(family: str, proof: Proof, wanted: tuple[str, ...]) -> str:
    """Return the half precision that is used, float32 if the engine wants none of those that work."""
    able = {"cpu": ("bfloat16",), "mps": ("float16",)}.get(family, ("float16", "bfloat16"))
    if proof.capability and proof.capability < _TF32:
        able = ("float16",)  # bfloat16 is emulated before Ampere
    return next((p for p in (wanted or proof.precisions) if p in able and p in proof.precisions), REQUIRED)


def tables() -> str:
    """Return the tables in Markdown, as docs/gpu.md prints them."""
    titles = {"cuda": "NVIDIA cards", "mps": "Apple Silicon", "cpu": "The processor"}
    parts = []
    for family, rules in TABLE.items():
        rows = [f"| `{r.name}` | {r.when} | {r.why} | {r.source} |" for r in rules]
        parts.append("\n".join([f"### {titles[family]}", "", "| optimisation | on | why | source |",
                                "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"
