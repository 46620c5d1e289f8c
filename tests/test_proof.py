"""The proof: every verdict is provoked through the real probe, run over a torch that behaves so."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcast.proof import (
    Card,
    CardUse,
    Needs,
    NoCards,
    Operator,
    ProcessUse,
    Proof,
    Watch,
    as_data,
    choose,
    from_data,
    ladder,
    policy_for,
    process_tree,
    prove,
    told,
)
from podcast.proof.nvml import NvmlReader, look, open_reader
from podcast.proof.policy import TABLE, Host, tables
from podcast.proof.verdict import said, suits
from podcast.proof.watch import Usage

HERE = Path(__file__).parent
FAMILIES = ("conv2d", "conv3d", "grid_sample_3d", "matmul", "attention")
CARD = Card("NVIDIA Test 4090", "GPU-1", 24_000_000_000, (8, 9), "580.82.07", (13, 0))
MB = 10**6
GOOD: dict[str, Any] = {"cuda": "12.8", "available": True}


class FedReader:
    """A driver that sees what a test wants: the probe's process, a stranger's, or only the card."""

    def __init__(self, pid_file: Path, *, sees: bool = True, hidden: bool = False, cards: tuple[Card, ...] = (CARD,),
                 moves: int = 300 * MB, busy: float = 0.4) -> None:
        self.pid_file, self.sees, self.hidden, self._cards = pid_file, sees, hidden, cards
        self.moves, self.busy = moves, busy
        self.looks = 0

    def cards(self) -> tuple[Card, ...]:
        return self._cards

    def sample(self) -> tuple[CardUse, ...]:
        self.looks += 1
        started = self.pid_file.exists() and self.pid_file.read_text().isdigit()
        working = started and self.sees
        if self.hidden:
            moves = self.moves if working else 0
            return tuple(CardUse(c.uuid, 500 * MB + moves, self.busy if working else 0.0, None) for c in self._cards)
        others = (ProcessUse(1, 500 * MB, 0.0),)
        ours = (ProcessUse(int(self.pid_file.read_text()), 300 * MB, self.busy),) if working else ()
        return tuple(CardUse(c.uuid, 500 * MB, 0.0, others + ours) for c in self._cards)


@pytest.fixture
def attempt(tmp_path: Path) -> Callable[..., Proof]:
    """Return a function that runs the real probe over the fake torch."""

    def run(says: dict[str, Any], asked: str = "cuda", *, needs: Needs | None = None, variables: dict[str, str] | None
            = None, reader: Any = None, **driver: Any) -> Proof:
        pid_file = tmp_path / "pid"
        pid_file.unlink(missing_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA_", "PYTORCH_"))}
        environment |= {"PYTHONPATH": str(HERE / "fake_torch"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                        "FAKE_TORCH": json.dumps({**says, "pid_file": str(pid_file)}), **(variables or {})}
        return prove(Path(sys.executable), needs or Needs(FAMILIES, ("float32", "float16"), name="sadtalker"), asked,
                     digest="d", folder=tmp_path / "env", reader=reader or FedReader(pid_file, **driver),
                     environment=environment, refresh=True, limit=60)

    return run


def _is_told_well(proof: Proof) -> None:
    assert proof.sentence.endswith(".")
    assert "\n" not in proof.sentence
    assert bool(proof.remedy) == (not proof.holds)


# ---------------------------------------------------------------- every verdict


def test_engaged_with_the_driver_as_witness(attempt: Callable[..., Proof]) -> None:
    proof = attempt(GOOD)
    assert (proof.verdict, proof.device, proof.certainty) == ("engaged", "cuda:0", "certain")
    assert proof.used == 300 * MB
    assert proof.busy == 0.4
    assert proof.speedup and proof.speedup > 3
    assert proof.precisions == ("float32", "float16")
    assert {o.family for o in proof.operators} == set(FAMILIES)
    assert all(o.event_ms and o.event_ms > 0 for o in proof.operators)
    assert proof.seconds < 3
    _is_told_well(proof)


def test_engaged_where_processes_are_hidden_is_less_certain(attempt: Callable[..., Proof]) -> None:
    proof = attempt(GOOD, hidden=True)
    assert (proof.verdict, proof.certainty) == ("engaged", "likely")
    assert "less certain" in proof.sentence


def test_engaged_without_a_driver_to_ask(attempt: Callable[..., Proof]) -> None:
    proof = attempt(GOOD, reader=NoCards("no library"))
    assert (proof.verdict, proof.certainty) == ("engaged", "unconfirmed")


LIES = {"cuda": "12.8", "available": True, "silent": True}


@pytest.mark.parametrize(("says", "driver", "why"), [
    ({**LIES, "stuck_clock": True, "no_memory": True}, {"sees": False}, "neither memory nor work"),
    (GOOD, {"sees": False}, "neither memory nor work"),  # torch tells a perfect story, the driver saw nothing
    ({**GOOD, "stuck_clock": True}, {}, "clock stood still"),
    ({**GOOD, "no_memory": True}, {}, "nothing lay in the card's memory"),
    ({**LIES, "lands_on_cpu": True}, {}, "computed on the processor"),
    (LIES, {"hidden": True, "sees": False}, "as fast as the processor|did not move"),
    ({**LIES, "stuck_clock": True}, {"reader": NoCards()}, "clock stood still"),
])
def test_silently_on_the_processor(
    attempt: Callable[..., Proof], says: dict[str, Any], driver: dict[str, Any], why: str
) -> None:
    proof = attempt(says, **driver)
    assert (proof.verdict, proof.device) == ("silently-on-cpu", "cpu")
    assert any(part in proof.sentence for part in why.split("|")), proof.sentence
    assert proof.remedy == "podcast engines repair sadtalker"
    _is_told_well(proof)


NO_KERNEL = "CUDA error: no kernel image is available for execution on the device"


def test_a_card_that_is_too_new(attempt: Callable[..., Proof]) -> None:
    proof = attempt({**GOOD, "capability": [12, 0], "archs": ["sm_50", "sm_86", "sm_90"],
                     "errors": {f"{f}:{p}": NO_KERNEL for f in FAMILIES for p in ("float32", "float16")}})
    assert (proof.verdict, proof.device) == ("unsupported-architecture", "cpu")
    assert "sm_120" in proof.sentence
    assert "sm_90" in proof.sentence
    _is_told_well(proof)


def test_a_missing_kernel_on_a_card_that_is_served(attempt: Callable[..., Proof]) -> None:
    proof = attempt({**GOOD, "errors": {"conv3d:float32": NO_KERNEL}})
    assert proof.verdict == "no-kernel"
    assert "conv3d" in proof.sentence
    assert "matmul" not in proof.sentence
    _is_told_well(proof)


def test_wrong_results_are_not_accepted(attempt: Callable[..., Proof]) -> None:
    proof = attempt({**GOOD, "wrong": ["grid_sample_3d"]})
    assert proof.verdict == "no-kernel"
    bad = next(o for o in proof.operators if o.family == "grid_sample_3d")
    assert bad.deviation == pytest.approx(0.5, rel=0.01)
    assert "wrong" in proof.sentence


@pytest.mark.parametrize(("says", "cards"), [
    ({"cuda": "12.8", "available": False, "init_error": "The NVIDIA driver on your system is too old (found version "
      "11040)."}, ()),
    ({**GOOD, "place_error": "CUDA error: CUDA driver version is insufficient for CUDA runtime version"}, (CARD,)),
    ({"cuda": "13.0", "available": False, "init_error": "Unexpected error"}, (replace(CARD, cuda=(12, 2)),)),
])
def test_a_driver_that_is_too_old(
    attempt: Callable[..., Proof], says: dict[str, Any], cards: tuple[Card, ...]
) -> None:
    proof = attempt(says, cards=cards, sees=False)
    assert proof.verdict == "driver-too-old"
    assert "driver" in proof.remedy
    _is_told_well(proof)


def test_a_card_whose_memory_is_full(attempt: Callable[..., Proof]) -> None:
    says = {**GOOD, "errors": {"conv3d:float32": "CUDA out of memory. Tried to allocate 20.00 MiB."}}
    proof = attempt(says)
    assert proof.verdict == "out-of-memory"
    assert "24 GB" in proof.sentence
    _is_told_well(proof)


def test_full_memory_at_the_very_start(attempt: Callable[..., Proof]) -> None:
    assert attempt({**GOOD, "place_error": "CUDA error: out of memory"}).verdict == "out-of-memory"


def test_a_torch_for_the_processor_beside_a_card(attempt: Callable[..., Proof]) -> None:
    proof = attempt({"cuda": None, "available": False}, sees=False)
    assert proof.verdict == "cpu-build-of-torch"
    assert CARD.name in proof.sentence
    _is_told_well(proof)


def test_no_card(attempt: Callable[..., Proof]) -> None:
    for cuda in (None, "12.8"):
        proof = attempt({"cuda": cuda, "available": False, "init_error": "Found no NVIDIA driver on your system."},
                        cards=())
        assert (proof.verdict, proof.device) == ("no-gpu", "cpu")
        assert "--cpu" in proof.remedy
        _is_told_well(proof)


def test_a_hidden_card(attempt: Callable[..., Proof]) -> None:
    proof = attempt({"cuda": "12.8", "available": False, "init_error": "No CUDA GPUs are available"},
                    variables={"CUDA_VISIBLE_DEVICES": ""}, sees=False)
    assert proof.verdict == "no-gpu"
    assert "CUDA_VISIBLE_DEVICES" in proof.sentence
    assert "CUDA_VISIBLE_DEVICES" in proof.remedy


def test_the_processor_as_asked(attempt: Callable[..., Proof]) -> None:
    proof = attempt({}, "cpu")
    assert (proof.verdict, proof.device, proof.holds) == ("cpu", "cpu", True)
    _is_told_well(proof)


def test_a_torch_that_falls_over_the_card_works_without_it(attempt: Callable[..., Proof]) -> None:
    proof = attempt({**GOOD, "exit_on_device": 139}, reader=NoCards())
    assert (proof.verdict, proof.device, proof.proved) == ("no-kernel", "cpu", "cpu")
    assert "status 139" in proof.sentence
    _is_told_well(proof)


def test_falling_back_takes_what_the_processor_can(attempt: Callable[..., Proof]) -> None:
    needs = Needs(FAMILIES, ("float32", "bfloat16"), name="sadtalker")
    proof = attempt({"cuda": None, "available": False}, sees=False, needs=needs)
    assert (proof.verdict, proof.device, proof.precisions) == ("cpu-build-of-torch", "cpu", ("float32", "bfloat16"))
    assert policy_for(proof, host=HOST).precision == "bfloat16"


@pytest.mark.parametrize("says", [
    {"import_error": "libcudart.so.12: cannot open shared object file"}, {"exit": 134}])
def test_a_runtime_that_does_not_start(attempt: Callable[..., Proof], says: dict[str, Any]) -> None:
    proof = attempt(says)
    assert (proof.verdict, proof.device, proof.works) == ("no-runtime", "", False)
    assert "libcudart" in proof.sentence or "fell over" in proof.sentence
    _is_told_well(proof)


def test_a_missing_torch_is_a_reading(tmp_path: Path) -> None:
    proof = prove(Path(sys.executable), Needs(("matmul",)), "cpu", digest="d", folder=tmp_path, reader=NoCards(),
                  environment={**os.environ, "PYTHONPATH": str(_without_torch(tmp_path))})
    assert proof.verdict == "no-runtime"
    assert "torch" in proof.sentence


def _without_torch(folder: Path) -> Path:
    (folder / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")")
    return folder


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    proof = prove(tmp_path / "python", Needs(("matmul",)), "cpu", digest="d", folder=tmp_path, reader=NoCards())
    assert proof.verdict == "no-runtime"


def test_a_probe_that_hangs_is_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    proof = prove(Path(sys.executable), Needs(("matmul",)), "cpu", digest="d", folder=tmp_path, reader=NoCards(),
                  limit=2, environment={**os.environ, "PYTHONPATH": str(HERE / "fake_torch"),
                                        "FAKE_TORCH": json.dumps({"hang": True, "pid_file": str(pid_file)})})
    assert proof.verdict == "no-runtime"
    assert "did not answer" in proof.sentence
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid_file.read_text()), 0)


def test_what_a_library_prints_is_not_taken_for_readings(attempt: Callable[..., Proof]) -> None:
    assert attempt({"chatter": True}, "cpu").verdict == "cpu"


def test_a_precision_that_fails_is_left_out(attempt: Callable[..., Proof]) -> None:
    proof = attempt({**GOOD, "errors": {"grid_sample_3d:float16": "not implemented for 'Half'"}})
    assert (proof.verdict, proof.precisions) == ("engaged", ("float32",))
    assert "float16 can't be used" in proof.sentence
    assert policy_for(proof).precision == "float32"


# ---------------------------------------------------------------- Apple


def test_mps_is_proved_by_operators(attempt: Callable[..., Proof]) -> None:
    proof = attempt({"mps": True}, "mps")
    assert (proof.verdict, proof.device, proof.certainty) == ("engaged", "mps", "unconfirmed")


def test_mps_without_conv3d(attempt: Callable[..., Proof]) -> None:
    missing = "Conv3D is not supported on MPS"
    says = {"mps": True, "errors": {"conv3d:float32": missing, "conv3d:float16": missing}}
    proof = attempt(says, "mps", variables={"PYTORCH_ENABLE_MPS_FALLBACK": "0"})
    assert (proof.verdict, proof.device) == ("no-kernel", "cpu")
    assert "conv3d" in proof.sentence
    assert "PYTORCH_ENABLE_MPS_FALLBACK=1" in proof.remedy
    assert "--cpu" in attempt(says, "mps").remedy  # falling back was allowed, and it fails all the same


def test_mps_operators_that_fall_back_are_noticed(attempt: Callable[..., Proof]) -> None:
    proof = attempt({"mps": True, "falls_back": ["conv3d"]}, "mps")
    assert proof.verdict == "engaged"
    assert {o.family for o in proof.operators if o.fell_back} == {"conv3d"}
    assert "conv3d fell back" in proof.sentence
    everything = attempt({"mps": True, "falls_back": list(FAMILIES)}, "mps")
    assert everything.verdict == "silently-on-cpu"


def test_mps_that_is_not_there(attempt: Callable[..., Proof]) -> None:
    assert attempt({"mps": False}, "mps").verdict == "no-gpu"


# ---------------------------------------------------------------- the cache


def test_a_proof_is_kept_until_something_changes(tmp_path: Path) -> None:
    reader, count = NoCards(), iter(range(9))
    environment = {**os.environ, "PYTHONPATH": str(HERE / "fake_torch")}

    def run(digest: str = "a", **kwargs: Any) -> Proof:
        environment["FAKE_TORCH"] = json.dumps({"pid_file": str(tmp_path / f"run{next(count)}")})
        return prove(Path(sys.executable), Needs(("matmul",), ("float32",)), kwargs.pop("asked", "cpu"), digest=digest,
                     folder=tmp_path, reader=kwargs.pop("reader", reader), environment=environment, **kwargs)

    def runs() -> int:
        return len(list(tmp_path.glob("run*")))

    first = run()
    assert (first.cached, runs()) == (False, 1)
    again = run()
    assert (again.cached, runs()) == (True, 1)
    assert replace(again, cached=False) == first
    assert run("b").cached is False
    assert run(refresh=True).cached is False
    assert run(reader=FedReader(tmp_path / "none"), asked="cpu").cached is False  # another card, another driver
    assert runs() == 4
    (tmp_path / "proof.json").write_text("{broken")
    assert run().cached is False


def test_what_passes_is_not_kept(attempt: Callable[..., Proof], tmp_path: Path) -> None:
    says = {**GOOD, "place_error": "CUDA error: out of memory"}
    assert attempt(says).verdict == "out-of-memory"
    kept = json.loads((tmp_path / "env" / "proof.json").read_text("utf-8"))
    assert [proof["verdict"] for proof in kept.values()] == ["cpu"]  # what the processor can does not pass


@given(st.sampled_from(("float32", "float16")), st.booleans(), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 99)))
def test_proofs_survive_json(precision: str, works: bool, deviation: float, speedup: float | None) -> None:
    proof = Proof("auto", "cuda:0", "engaged", "A.", "", "certain", capability=(8, 9), archs=("sm_89",),
                  speedup=speedup, precisions=(precision,), operators=(Operator("conv2d", precision, works,
                                                                                deviation=deviation),))
    assert from_data(json.loads(json.dumps(as_data(proof)))) == proof


def test_auto_takes_what_is_there() -> None:
    assert choose("auto", [CARD]) == "cuda"
    assert choose("auto", [CARD], ["cpu"]) == "cpu"
    assert choose("auto", []) in ("cpu", "mps")
    assert choose("mps", [CARD]) == "mps"


# ---------------------------------------------------------------- architectures and messages


@pytest.mark.parametrize(("archs", "capability", "runs"), [
    (["sm_86"], (8, 6), True), (["sm_80"], (8, 6), True), (["sm_86"], (8, 0), False), (["sm_86"], (8, 9), True),
    (["sm_50", "sm_90"], (12, 0), False), (["sm_90", "compute_90"], (12, 0), True), (["sm_120"], (12, 0), True),
    (["compute_90"], (8, 9), False), (["sm_90a"], (9, 0), True), (["compute_90a"], (10, 0), False),
    (["sm_100f"], (10, 3), True), (["compute_100f"], (12, 0), False), (["sm_37"], (8, 6), False), ([], (8, 6), False),
    (["gfx90a"], (9, 0), False),
])
def test_which_binaries_run_on_which_card(archs: list[str], capability: tuple[int, int], runs: bool) -> None:
    assert suits(archs, capability) is runs


@given(st.integers(5, 12), st.integers(0, 9), st.integers(5, 12), st.integers(0, 9))
def test_ptx_runs_on_everything_later(major: int, minor: int, card: int, step: int) -> None:
    assert suits([f"compute_{major}{minor}"], (card, step)) is ((major, minor) <= (card, step))


@pytest.mark.parametrize(("text", "verdict"), [
    ("torch.OutOfMemoryError: CUDA out of memory.", "out-of-memory"),
    ("MPS backend out of memory (MPS allocated: 18.50 GiB)", "out-of-memory"),
    ("AssertionError: Torch not compiled with CUDA enabled", "cpu-build-of-torch"),
    ("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED", "no-kernel"),
    ("the provided PTX was compiled with an unsupported toolchain", "driver-too-old"),
    ("NotImplementedError: The operator 'aten::grid_sampler_3d' is not currently implemented for the MPS device",
     "no-kernel"),
    ("the cat sat on the mat", None),
])
def test_messages_are_known(text: str, verdict: str | None) -> None:
    assert said(text) == verdict


# ---------------------------------------------------------------- NVML


class FakeNvml:
    """The part of pynvml that is used; what is None is "not supported"."""

    class NVMLError(Exception):
        pass

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(*args: Any) -> Any:
            value = self.answers.get(name.removeprefix("nvmlDeviceGet").removeprefix("nvmlSystemGet"))
            value = value(*args) if callable(value) else value
            if value is None:
                raise self.NVMLError("Not Supported")
            return value

        return answer


class Struct:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def _nvml(**more: Any) -> FakeNvml:
    return FakeNvml(**{
        "Count": 1, "HandleByIndex": lambda i: f"card{i}", "Name": "NVIDIA Test 4090", "UUID": lambda h: f"GPU-{h}",
        "MemoryInfo": Struct(total=24 * 10**9, used=2 * 10**9), "CudaComputeCapability": (8, 9),
        "DriverVersion": "580.82.07", "CudaDriverVersion": 13000, "UtilizationRates": Struct(gpu=55, memory=10),
        "ComputeRunningProcesses": [Struct(pid=7, usedGpuMemory=10**9)], "GraphicsRunningProcesses": [],
        "ProcessUtilization": [Struct(pid=7, smUtil=40, timeStamp=5), Struct(pid=7, smUtil=60, timeStamp=6)], **more})


def test_cards_and_processes_as_the_driver_tells_them() -> None:
    reader = NvmlReader(_nvml(), hidden=False)
    assert reader.cards() == (Card("NVIDIA Test 4090", "GPU-card0", 24 * 10**9, (8, 9), "580.82.07", (13, 0)),)
    (use,) = reader.sample()
    assert use == CardUse("GPU-card0", 2 * 10**9, 0.55, (ProcessUse(7, 10**9, 0.6),))
    assert look((), [[use]], {7}).memory == 10**9
    assert look((), [[use]], {8}).seen is False


def test_utilisation_is_asked_for_since_the_last_look() -> None:
    asked: list[int] = []

    def utilisation(handle: str, since: int) -> Any:
        asked.append(since)
        return [Struct(pid=7, smUtil=40, timeStamp=9)]

    reader = NvmlReader(_nvml(ProcessUtilization=utilisation), hidden=False)
    reader.sample()
    reader.sample()
    assert asked == [0, 9]


def test_a_driver_that_tells_little() -> None:
    reader = NvmlReader(_nvml(ProcessUtilization=None, UtilizationRates=None, CudaComputeCapability=None,
                              ComputeRunningProcesses=[Struct(pid=7, usedGpuMemory=None)]), hidden=False)
    (use,) = reader.sample()
    assert use.processes == (ProcessUse(7, None, None),)  # Windows: there, but not told how much
    assert look((), [[use]], {7}).seen is True
    assert reader.cards()[0].capability is None


def test_parts_of_a_divided_card_are_cards() -> None:
    reader = NvmlReader(_nvml(MigMode=(1, 1), MaxMigDeviceCount=3, UtilizationRates=None,
                              MigDeviceHandleByIndex=lambda whole, i: f"{whole}/part{i}" if i < 2 else None,
                              ComputeRunningProcesses=lambda h: [Struct(pid=7, usedGpuMemory=5)] if h.endswith("1")
                              else []), hidden=False)
    assert [(c.uuid, c.part) for c in reader.cards()] == [("GPU-card0/part0", True), ("GPU-card0/part1", True)]
    seen = look((), [reader.sample()], {7})
    assert (seen.seen, seen.named, seen.memory) == (True, True, 5)


def test_hidden_processes_leave_the_cards_own_change() -> None:
    reader = NvmlReader(_nvml(), hidden=True)
    before = reader.sample()
    assert before[0].processes is None
    still = look(before, [before], {7})
    assert (still.looked, still.named, still.seen) == (True, False, False)
    later = [replace(before[0], memory=before[0].memory + 300 * MB)]
    assert look(before, [later], {7}).seen is True
    assert look(before, [later], {7}).memory == 300 * MB


def test_a_machine_without_nvml_has_no_cards() -> None:
    reader = open_reader()
    if isinstance(reader, NoCards):
        assert reader.why
        assert reader.sample() == ()
    else:
        assert reader.cards()


# ---------------------------------------------------------------- during a run


class Meter:
    """A card that a test turns up and down, and a clock."""

    def __init__(self, processes: bool = True) -> None:
        self.busy: float | None = 0.0
        self.memory, self.now, self.processes = 400 * MB, 0.0, processes

    def cards(self) -> tuple[Card, ...]:
        return (CARD,)

    def sample(self) -> tuple[CardUse, ...]:
        ours = (ProcessUse(7, self.memory, self.busy),) if self.processes else None
        return (CardUse(CARD.uuid, self.memory, self.busy, ours),)


def _watch(meter: Meter, heard: list[Usage]) -> Watch:
    return Watch(meter, lambda: {7}, heard.append, patience=5.0, clock=lambda: meter.now)


def _pass(meter: Meter, watch: Watch, seconds: int) -> None:
    for _ in range(seconds):
        meter.now += 1.0
        watch.step()


@pytest.mark.parametrize("processes", [True, False])
def test_a_card_that_does_no_work_is_told_once(processes: bool) -> None:
    meter, heard = Meter(processes), list[Usage]()
    watch = _watch(meter, heard)
    _pass(meter, watch, 60)  # weights are loaded: nothing is expected of the card
    assert not heard
    watch.rendering()
    _pass(meter, watch, 4)
    assert not heard
    _pass(meter, watch, 10)
    assert len(heard) == 1
    assert heard[0].silent is True
    assert watch.usage().silent is True


def test_a_card_that_works_is_measured() -> None:
    meter, heard = Meter(), list[Usage]()
    watch = _watch(meter, heard)
    watch.rendering()
    for busy, memory in ((0.2, 500), (0.9, 1500), (0.4, 900)):
        meter.busy, meter.memory = busy, memory * MB
        _pass(meter, watch, 3)
    usage = watch.usage()
    assert not heard
    assert (usage.silent, usage.certain, usage.memory, usage.peak) == (False, True, 1500 * MB, 0.9)
    assert usage.mean == pytest.approx(0.5)
    assert usage.seconds == 9.0
    assert "50%" in usage.as_text()


def test_memory_counts_where_utilisation_is_not_told() -> None:
    meter, heard = Meter(), list[Usage]()
    meter.busy = None
    watch = _watch(meter, heard)
    watch.rendering()
    _pass(meter, watch, 9)
    assert not heard
    assert watch.usage().mean is None


def test_the_thread_looks_by_itself_and_ends() -> None:
    meter, told_off = Meter(), threading.Event()
    with Watch(meter, lambda: {7}, lambda usage: told_off.set(), patience=0.0, interval=0.01) as watch:
        watch.rendering()
        assert told_off.wait(10)
    assert not [t for t in threading.enumerate() if t.name == "gpu-watch"]
    assert watch.usage().silent


def test_nothing_to_look_with_is_no_verdict() -> None:
    heard: list[Usage] = []
    watch = Watch(NoCards(), lambda: {7}, heard.append, patience=0.0)
    watch.rendering()
    watch.step()
    assert not heard
    assert watch.usage() == Usage()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descendants are known on Linux only")
def test_a_process_tree_holds_children() -> None:
    code = ("import subprocess,sys; p=subprocess.Popen([sys.executable,'-c','input()'],stdin=0);"
            "print(p.pid,flush=True); p.wait()")
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout and child.stdin
    grandchild = int(child.stdout.readline())
    assert {child.pid, grandchild} <= process_tree(os.getpid())
    assert process_tree(grandchild) == {grandchild}
    child.communicate(b"\n")


# ---------------------------------------------------------------- policy, ladder


HOST = Host(processors=8, performance_cores=4, bfloat16=True)


def _proof(device: str, **more: Any) -> Proof:
    kind = device.partition(":")[0]
    return Proof(kind, device, "cpu" if device == "cpu" else "engaged", "A.", "", "certain", proved=kind,
                 **{"precisions": ("float32", "float16", "bfloat16"), "capability": (8, 9), "memory": 24 * 10**9,
                    **more})


def test_what_a_modern_card_gets() -> None:
    policy = policy_for(_proof("cuda:0"), host=HOST)
    on = {name for name, value in policy.flags.items() if value}
    assert on == {"tf32", "half", "channels_last", "cudnn_benchmark"}
    assert (policy.precision, policy.device, policy.workers) == ("float16", "cuda:0", 1)
    assert policy_for(_proof("cuda:0"), ("float32", "bfloat16"), HOST).precision == "bfloat16"
    assert policy_for(_proof("cuda:0", memory=8 * 10**9), host=HOST).flags["vae_tiling"]


@pytest.mark.parametrize("more", [{"capability": (6, 1)}, {"capability": (7, 5), "name": "NVIDIA GeForce GTX 1660"},
                                  {"precisions": ("float32",)}, {"capability": None}])
def test_cards_without_half_precision(more: dict[str, Any]) -> None:
    policy = policy_for(_proof("cuda:0", **more), host=HOST)
    assert policy.precision == "float32"
    assert not policy.flags["half"]
    assert not policy.flags["channels_last"]


def test_turing_has_no_bfloat16() -> None:
    assert policy_for(_proof("cuda:0", capability=(7, 5)), ("bfloat16",), HOST).precision == "float32"


def test_the_users_own_variables_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_MPS_HIGH_WATERMARK_RATIO", "0.0")
    monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", "0")
    variables = policy_for(_proof("mps"), host=HOST).environment()
    assert variables["PYTORCH_MPS_HIGH_WATERMARK_RATIO"] == "0.0"
    assert "PYTORCH_MPS_LOW_WATERMARK_RATIO" not in variables
    assert variables["PYTORCH_ENABLE_MPS_FALLBACK"] == "0"


def test_bytes_are_for_processors_that_multiply_them() -> None:
    assert not policy_for(_proof("cpu", capability=None), host=HOST).flags["quantisation"]
    able = Host(processors=8, performance_cores=4, bfloat16=True, vnni=True)
    assert policy_for(_proof("cpu", capability=None), host=able).flags["quantisation"]
    assert not policy_for(_proof("cuda:0"), host=able).flags["quantisation"]


def test_what_apple_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PYTORCH_"):
            monkeypatch.delenv(name)
    policy = policy_for(_proof("mps", capability=None), host=HOST)
    assert not policy.flags["quantisation"]
    assert not policy.flags["parallel_workers"]
    assert policy.flags["chunked"]
    variables = policy.environment()
    assert variables["PYTORCH_ENABLE_MPS_FALLBACK"] == "1"
    low, high = (float(variables[f"PYTORCH_MPS_{n}_WATERMARK_RATIO"]) for n in ("LOW", "HIGH"))
    assert 0 < low <= high <= 1
    assert (policy.threads, variables["OMP_NUM_THREADS"]) == (4, "4")


def test_what_the_processor_gets() -> None:
    assert policy_for(_proof("cpu"), host=HOST).precision == "bfloat16"
    assert policy_for(_proof("cpu"), ("float32", "float16"), HOST).precision == "float32"
    old = policy_for(_proof("cpu"), host=replace(HOST, bfloat16=False))
    assert (old.precision, old.flags["half"], old.threads) == ("float32", False, 8)
    fallen = policy_for(replace(_proof("cuda:0"), device="cpu"), host=HOST)  # as when its memory is full
    assert fallen.precision == "float32"  # nothing was proved on the processor
    assert fallen.environment()["CUDA_VISIBLE_DEVICES"] == ""


def test_every_rule_has_a_reason_and_a_source() -> None:
    for rules in TABLE.values():
        assert len({r.name for r in rules}) == len(rules)
        assert all(r.when and r.why and r.source for r in rules)


def test_the_document_prints_the_tables() -> None:
    assert tables() in (HERE.parent / "docs" / "gpu.md").read_text("utf-8"), "docs/gpu.md: paste tables() anew"


@given(st.integers(1, 16), st.sampled_from((128, 256, 512)), st.integers(0, 500))
def test_every_step_down_is_milder_and_the_last_is_the_processor(batch: int, size: int, chunk: int) -> None:
    steps = ladder(batch, size, (256, 512), chunk)
    before = (batch, size, chunk or math.inf)
    for step in steps[:-1]:
        now = (step.batch, step.size, step.chunk or math.inf)
        assert all(n <= b for n, b in zip(now, before, strict=True))
        assert now != before
        assert step.device == ""
        before = now
    assert steps[-1].device == "cpu"
    assert steps[-1].size == size
    assert all("memory is full" in told(step, "sadtalker") for step in steps)


def test_the_order_of_the_ladder() -> None:
    texts = [s.sentence for s in ladder(4, 512, (256, 512), 64)]
    assert texts == ["one frame at a time instead of 4", "256 pixels instead of 512, scaled up", "pieces of 32 frames",
                     "pieces of 16 frames", "the processor instead of the card: slow, but it ends"]
    assert ladder(4, 512, (256,), 64, device="cpu") == ()


# ---------------------------------------------------------------- a real torch


def _real_python() -> Path:
    python = Path(os.environ.get("PODCAST_TEST_TORCH_PYTHON", "/nowhere"))
    if not python.is_file():
        pytest.skip("PODCAST_TEST_TORCH_PYTHON names no interpreter with torch")
    return python


def test_a_real_torch_on_the_processor(tmp_path: Path) -> None:
    needs = Needs(FAMILIES, ("float32", "float16", "bfloat16"))
    proof = prove(_real_python(), needs, "cpu", digest="d", folder=tmp_path, reader=NoCards())
    assert proof.verdict == "cpu"
    assert "float32" in proof.precisions
    tried = [o for o in proof.operators if not o.skipped]
    assert {o.family for o in tried} == set(FAMILIES)
    assert all(o.works or o.precision != "float32" for o in tried)


LIAR = """
import sys, importlib.abc
class Finder(importlib.abc.MetaPathFinder):  # patches torch as soon as it is there
    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        import importlib.util
        spec = importlib.util.find_spec("torch")
        run = spec.loader.exec_module
        def patched(module):
            run(module)
            lie(module)
        spec.loader.exec_module = patched
        return spec
def lie(torch):
    import time, types
    to = torch.Tensor.to
    def nowhere(self, *args, **kwargs):
        if str(kwargs.get("device", "")).startswith("cuda"):
            kwargs["device"] = "cpu"
        return to(self, *("cpu" if str(a).startswith("cuda") else a for a in args), **kwargs)
    torch.Tensor.to = nowhere
    class Event:
        def __init__(self, enable_timing): pass
        def record(self): self.at = time.perf_counter()
        def elapsed_time(self, other): return (other.at - self.at) * 1e3
    torch.version.cuda = "12.8"
    for name, value in dict(is_available=lambda: True, get_arch_list=lambda: ["sm_89"], Event=Event,
                            get_device_capability=lambda i: (8, 9), get_device_name=lambda i: "NVIDIA Test 4090",
                            synchronize=lambda: None, memory_allocated=lambda: 10**7,
                            max_memory_allocated=lambda: 10**7,
                            get_device_properties=lambda i: types.SimpleNamespace(total_memory=24 * 10**9)).items():
        setattr(torch.cuda, name, value)
sys.meta_path.insert(0, Finder())
"""


def test_a_real_torch_that_lies(tmp_path: Path) -> None:
    """A wrapper maps "cuda" to the processor, as some do: everything but the driver's view and the place agrees."""
    (tmp_path / "sitecustomize.py").write_text(LIAR)
    needs = Needs(FAMILIES, ("float32",), name="sadtalker")
    proof = prove(_real_python(), needs, "cuda", digest="d", folder=tmp_path, reader=FedReader(tmp_path / "none"),
                  environment={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert proof.name == "NVIDIA Test 4090"
    assert (proof.verdict, proof.device) == ("silently-on-cpu", "cpu")


def test_a_real_torch_that_has_no_card(tmp_path: Path) -> None:
    if not isinstance(open_reader(), NoCards):
        pytest.skip("there is a card")
    reader = FedReader(tmp_path / "none", sees=False)
    proof = prove(_real_python(), Needs(("conv2d",)), "cuda", digest="d", folder=tmp_path, reader=reader)
    assert proof.verdict in ("cpu-build-of-torch", "no-gpu", "driver-too-old")


def test_a_real_onnxruntime(tmp_path: Path) -> None:
    python = _real_python()
    if subprocess.run([python, "-c", "import onnxruntime"], capture_output=True, check=False).returncode:
        pytest.skip("no onnxruntime there")
    needs = Needs(FAMILIES, ("float32", "float16", "bfloat16"), runtime="onnxruntime")
    proof = prove(python, needs, "cpu", digest="d", folder=tmp_path, reader=NoCards())
    assert (proof.verdict, proof.precisions) == ("cpu", ("float32", "float16"))
    assert all(o.skipped == (o.precision == "bfloat16") for o in proof.operators)
    if isinstance(open_reader(), NoCards):
        card = prove(python, needs, "cuda", digest="d", folder=tmp_path, reader=FedReader(tmp_path / "no", sees=False))
        assert card.verdict in ("cpu-build-of-torch", "no-gpu")
        assert "onnxruntime" in card.sentence
