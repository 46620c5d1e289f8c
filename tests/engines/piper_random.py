"""Write a Piper voice of random weights: piper_random.py FOLDER NAME. Runs in Piper's own environment.

The graph has Piper's inputs and outputs and VITS's way of making time (durations rounded up, then a path), so its
sound follows its durations: phones hum, pauses are silent. What it says is not speech.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

HOP = 256  # samples of a frame
CHANNELS = 8
SILENT = "^$_ !'(),-.:;?"
PAUSE = 12.0  # frames of punctuation and blanks; sounds take 4 to 9, the padding 1


def tables(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return durations and features of each phoneme."""
    size = 1 + max(i for ids in DEFAULT_PHONEME_ID_MAP.values() for i in ids)
    durations = rng.uniform(3.5, 8.5, (size, 1)).astype(np.float32)
    features = rng.normal(0, 1, (size, CHANNELS)).astype(np.float32)
    for mark in SILENT:
        durations[DEFAULT_PHONEME_ID_MAP[mark][0]] = PAUSE - 0.5
        features[DEFAULT_PHONEME_ID_MAP[mark][0]] = 0
    durations[DEFAULT_PHONEME_ID_MAP["_"][0]] = 0.2
    for mark in "ˈˌː":
        durations[DEFAULT_PHONEME_ID_MAP[mark][0]] = 0.2
    return durations, features


def graph(seed: int) -> onnx.ModelProto:
    """Return the model."""
    rng = np.random.default_rng(seed)
    durations, features = tables(rng)
    tones = np.stack([np.sin(2 * np.pi * k * np.arange(HOP) / HOP + k) for k in range(2, 2 + CHANNELS)])
    constants = {
        "durations": durations, "features": features, "decoder": tones[:, None].astype(np.float32) * 0.3,
        "first": np.array([0], np.int64), "second": np.array([1], np.int64), "third": np.array([2], np.int64),
        "end": np.array([3], np.int64), "column": np.array([1, 1, -1], np.int64), "little": np.array(0.05, np.float32),
        "zero": np.array(0.0, np.float32), "one": np.array(1.0, np.float32), "axis": np.array(2, np.int64),
        "all": np.array([1, 2], np.int64),
    }  # fmt: skip
    steps = [
        ("Slice", ["scales", "first", "second"], "noise_scale", {}),
        ("Slice", ["scales", "second", "third"], "length_scale", {}),
        ("Slice", ["scales", "third", "end"], "width_scale", {}),
        ("Gather", ["durations", "input"], "mean", {}),  # 1, N, 1
        ("RandomNormalLike", ["mean"], "dice", {}),
        ("Mul", ["dice", "width_scale"], "wide", {}),
        ("Mul", ["wide", "little"], "spread", {}),
        ("Add", ["mean", "spread"], "varied", {}),
        ("Mul", ["varied", "length_scale"], "scaled", {}),
        ("Max", ["scaled", "little"], "positive", {}),
        ("Transpose", ["positive"], "row", {"perm": [0, 2, 1]}),
        ("Ceil", ["row"], "w_ceil", {}),  # 1, 1, N
        ("CumSum", ["w_ceil", "axis"], "ends", {}),
        ("Sub", ["ends", "w_ceil"], "starts", {}),
        ("ReduceSum", ["w_ceil"], "total", {"keepdims": 0}),
        ("Range", ["zero", "total", "one"], "clock", {}),
        ("Reshape", ["clock", "tall"], "times", {}),  # 1, T, 1
        ("GreaterOrEqual", ["times", "starts"], "after", {}),
        ("Less", ["times", "ends"], "before", {}),
        ("And", ["after", "before"], "within", {}),
        ("Cast", ["within"], "path", {"to": TensorProto.FLOAT}),  # 1, T, N
        ("Gather", ["features", "input"], "embedded", {}),  # 1, N, C
        ("MatMul", ["path", "embedded"], "still", {}),
        ("RandomNormalLike", ["still"], "grain", {}),
        ("Mul", ["grain", "noise_scale"], "noisy", {}),
        ("Mul", ["noisy", "still"], "shimmer", {}),
        ("Add", ["still", "shimmer"], "latent", {}),
        ("Transpose", ["latent"], "columns", {"perm": [0, 2, 1]}),
        ("ConvTranspose", ["columns", "decoder"], "raw", {"strides": [HOP]}),
        ("Tanh", ["raw"], "output", {}),
    ]
    constants["tall"] = np.array([1, -1, 1], np.int64)
    return helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, inputs, [output], **more) for kind, inputs, output, more in steps],
            "random",
            [
                helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
                helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
                helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
            ],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "time"])],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 15)],
        ir_version=8,
    )


def main() -> None:
    """Write FOLDER/NAME.onnx and its .json."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(1), str(folder / f"{name}.onnx"))
    config = {
        "audio": {"sample_rate": 22050, "quality": "medium"}, "espeak": {"voice": "en-us"}, "phoneme_type": "espeak",
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8}, "num_speakers": 1,
        "num_symbols": 256, "phoneme_id_map": DEFAULT_PHONEME_ID_MAP, "speaker_id_map": {}, "piper_version": "1.0.0",
    }  # fmt: skip
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), "utf-8")


if __name__ == "__main__":
    main()
