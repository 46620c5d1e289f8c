"""One Piper voice: an ONNX graph whose noise is ours and whose durations come out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from piper import PiperVoice
from piper.config import PhonemeType, PiperConfig
from piper.const import BOS, EOS, PAD

NOISE = 1 << 19  # normal deviates per random node; 31 s of speech use each of them once, longer speech begins again
SPEAKER_MARK = "#"  # "en_GB-vctk-medium#p239": a speaker of a voice that has several


@dataclass(frozen=True)
class Spoken:
    """What a sentence became: samples, and how many of them each phoneme took."""

    samples: np.ndarray  # float32
    phonemes: tuple[str, ...]
    lengths: np.ndarray | None  # samples, one for each of `phonemes`; None: the voice does not tell


class Voice:
    """A voice that is loaded."""

    def __init__(self, model: Path, threads: int) -> None:
        config = PiperConfig.from_dict(json.loads(Path(f"{model}.json").read_text("utf-8")))
        graph = onnx.load(str(model))
        self.noises = take_noise(graph)
        self.timed = show_durations(graph)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, ["CPUExecutionProvider"])
        self.piper = PiperVoice(session=session, config=config)
        self.config = config

    @property
    def spelled(self) -> bool:
        """Whether its phonemes are the text's own letters."""
        return self.config.phoneme_type is PhonemeType.TEXT

    def speaker(self, name: str) -> int | None:
        """Return the number of a speaker, or None where there is but one.

        Raises:
            KeyError: the voice has no such speaker.
        """
        if self.config.num_speakers <= 1:
            return None
        return self.config.speaker_id_map[name] if name else self.config.default_speaker_id

    def speak(self, phonemes: list[str], seed: tuple[int, ...], speaker: int | None, scales: Scales) -> Spoken:
        """Speak the phonemes of one sentence; equal arguments give equal samples."""
        ids, counts = self._ids(phonemes)
        feeds = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales.of(self.config), np.float32),
        }
        if speaker is not None:
            feeds["sid"] = np.array([speaker], np.int64)
        for index, name in enumerate(self.noises):
            feeds[name] = np.random.default_rng((*seed, index)).standard_normal(NOISE, np.float32)
        sound, *frames = self.piper.session.run(None, feeds)
        lengths = None
        if self.timed and counts:
            each = np.round(frames[0].reshape(-1) * self.config.hop_length).astype(np.int64)
            lengths = np.add.reduceat(each, np.cumsum([0, *counts[:-1]]))
        return Spoken(sound.reshape(-1).astype(np.float32), (BOS, *phonemes, EOS), lengths)

    def _ids(self, phonemes: list[str]) -> tuple[list[int], list[int]]:
        """Return the ids of a sentence and how many of them each phoneme has, with the mark for its beginning and end.

        Phonemes that the voice does not know have none: they take no time.
        """
        if self.config.phoneme_type not in (PhonemeType.ESPEAK, PhonemeType.TEXT):
            return self.piper.phonemes_to_ids(phonemes), []
        known, pad = self.config.phoneme_id_map, list(self.config.phoneme_id_map[PAD])
        groups = [[*known[p], *(pad if p != EOS else [])] if p in known else [] for p in (BOS, *phonemes, EOS)]
        return [i for group in groups for i in group], [len(group) for group in groups]


@dataclass(frozen=True)
class Scales:
    """How a sentence is spoken; None leaves it to the voice."""

    rate: float = 1.0  # of the voice's own pace
    variation: float | None = None  # of the sound
    rhythm: float | None = None  # variation of the durations

    def of(self, config: PiperConfig) -> tuple[float, float, float]:
        """Return the graph's own three numbers."""
        noise = config.noise_scale if self.variation is None else self.variation
        width = config.noise_w_scale if self.rhythm is None else self.rhythm
        return noise, config.length_scale / self.rate, width


def take_noise(model: onnx.ModelProto) -> list[str]:
    """Make inputs of a graph's random numbers, so that the caller decides them; return the inputs' names.

    The runtime's own generator goes on from run to run, so the same sentence would never sound the same twice.
    """
    nodes, names = [], []
    for node in model.graph.node:
        if node.op_type not in ("RandomNormalLike", "RandomNormal"):
            nodes.append(node)
            continue
        name = f"noise_{len(names)}"
        names.append(name)
        model.graph.input.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [NOISE]))
        nodes += _slice_of(name, node, model)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return names


def _slice_of(noise: str, node: onnx.NodeProto, model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return nodes that do what a random node does, with numbers that are given."""
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def constant(label: str, value: np.ndarray) -> str:
        model.graph.initializer.append(numpy_helper.from_array(value, f"{noise}_{label}"))
        return f"{noise}_{label}"

    def make(kind: str, inputs: list[str], label: str, **more: object) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [f"{noise}_{label}"], **more)

    if node.input:
        shape = make("Shape", [node.input[0]], "shape")
    else:
        shape = make("Identity", [constant("given", np.array(given["shape"], np.int64))], "shape")
    zero, one = constant("zero", np.array(0, np.int64)), constant("one", np.array(1, np.int64))
    scale = constant("scale", np.array(given.get("scale", 1.0), np.float32))
    mean = constant("mean", np.array(given.get("mean", 0.0), np.float32))
    return [
        shape,
        make("ReduceProd", [f"{noise}_shape"], "count", keepdims=0),
        make("Range", [zero, f"{noise}_count", one], "range"),
        make("Mod", [f"{noise}_range", constant("size", np.array(NOISE, np.int64))], "places"),
        make("Gather", [noise, f"{noise}_places"], "flat"),
        make("Reshape", [f"{noise}_flat", f"{noise}_shape"], "shaped"),
        make("Mul", [f"{noise}_shaped", scale], "scaled"),
        helper.make_node("Add", [f"{noise}_scaled", mean], list(node.output)),
    ]


def show_durations(model: onnx.ModelProto) -> bool:
    """Make the number of frames of each phoneme the graph's second output; tell whether it is one.

    Piper's graphs round durations up in one place, and only there.
    """
    if len(model.graph.output) > 1:
        return True
    ceilings = {name for node in model.graph.node if node.op_type == "Ceil" for name in node.output}
    if len(ceilings) != 1:
        return False
    model.graph.output.append(onnx.ValueInfoProto(name=ceilings.pop()))
    return True
