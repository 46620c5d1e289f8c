"""SadTalker's worker: a picture and a voice become a video, over upstream's modules as they are."""

from __future__ import annotations

from podcast_worker import Refused, serve  # isort: skip  (before anything that prints)

import os
import warnings
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

# Threads that wait sleep: on a machine that does other work as well they would only take its time from the others.
# The library reads this when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import coefficients
import networks
import numpy as np
import torch
from canvas import Canvas
from picture import Reader, Shown
from podcast_video import Writer
from render import Fast, Points, Stock
from settings import Options, options_of

VIDEO = "clip.mp4"
POSE_EASE, MOUTH_EASE = 0.4, 0.12  # s in which head and face leave the picture's own pose, and return to it
PIECE = 64  # frames after which a machine whose processor shares the memory gets back what is not used
CALIBRATION = 2  # frames on which the ranges of values are measured, for bytes
HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class State:
    """What stays warm: networks by size and mode, the readers of pictures, the renderer of the last picture."""

    def __init__(self, device: str, setup: dict[str, Any]) -> None:
        self.device, self.policy = device, setup.get("policy") or {}
        self.source, self.weights = Path(setup["source"]), Path(setup["weights"])
        self.models: dict[tuple[int, bool], tuple[Any, Reader]] = {}
        self.drawn: tuple[Any, Any] = (None, None)

    def free(self) -> None:
        """Give back what the device's allocator keeps, where the policy works in pieces (Apple)."""
        if self.device.startswith("mps") and self.policy.get("chunked"):
            torch.mps.empty_cache()

    def models_for(self, options: Options) -> tuple[Any, Reader]:
        """Return networks and reader for a job; those for other sizes and modes are let go."""
        key = options.drawn_size, options.whole
        if key not in self.models:
            self.models.clear()
            self.drawn = None, None
            nets = networks.load(self.source, self.weights, *key, self.device)
            networks.fold_spectral_norm(nets.generator)
            self.models[key] = nets, Reader(nets, self.source, self.weights, self.device)
        return self.models[key]

    def precision(self, options: Options) -> str:
        """Return `full`, `half` or `bytes`: what was asked for, or what suits the device."""
        if options.precision != "auto":
            return options.precision
        wanted = self.policy.get("half") or self.policy.get("precision") in HALF
        if self.device == "cpu" and self.policy.get("quantisation", True) and has_bytes():
            return "bytes"
        return "half" if wanted else "full"


def has_bytes() -> bool:
    """Tell whether this PyTorch and this processor multiply bytes: without VNNI, sums of products overflow."""
    try:
        known = torch.ops.onednn.qconv2d_pointwise, torch.ops.onednn.qconv3d_pointwise
    except AttributeError:
        return False
    vnni = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return bool(known) and bool(vnni())


def _has_bfloat16() -> bool:
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def load(device: str, setup: dict[str, Any]) -> State:
    """Set up the device; networks are loaded by the first job that needs them."""
    warnings.filterwarnings("ignore", category=UserWarning)  # of upstream's calls to torch
    torch.set_grad_enabled(False)
    if setup.get("threads"):
        torch.set_num_threads(int(setup["threads"]))
    policy = setup.get("policy") or {}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = bool(policy.get("tf32"))
    torch.backends.cudnn.benchmark = bool(policy.get("cudnn_benchmark"))
    state = State(device, setup)
    if device.startswith("mps"):
        networks.mend_types()
    return state


def run(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Make one clip: exactly `frames` frames at `rate`, without sound."""
    options = options_of(args.get("options") or {})
    frames, rate = int(args["frames"]), Fraction(*args["rate"])
    if frames < 1:
        raise Refused("input", "a clip has at least one frame")
    sound = _sound(Path(args["audio"]))
    progress(0.0, "reading the picture")
    nets, reader = state.models_for(options)
    shown = reader.read(Path(args["picture"]), options.preprocess, options.drawn_size, args.get("landmarks"))
    progress(0.01, "listening")
    coefficients.seed_all(int(args.get("seed", 0)))  # after the networks are built, which draws random numbers too
    spoken = _coefficients(state, nets, reader, options, shown, sound, float(frames / rate))
    points = _points(state, nets, shown, spoken, frames, rate)
    progress(0.02, "getting ready to draw")
    draw = _renderer(state, nets, shown, options, points[0], points[1])
    canvas = Canvas(shown.whole, shown.box, options.size, options.whole)
    path = Path(args["into"]) / VIDEO
    with Writer(path, canvas.width, canvas.height, rate) as video:
        for face in _faces(draw, points, options.batch_size):
            video.add(canvas.frame(face))
            progress(0.02 + 0.98 * video.count / frames, f"frame {video.count} of {frames}")
            if video.count % PIECE == 0:
                state.free()
    notes = ["upstream has no size 128: 256 is drawn and scaled"] if options.size != options.drawn_size else []
    return {
        "files": {"video": VIDEO}, "width": canvas.width, "height": canvas.height, "frames": video.count,
        "device": state.device, "precision": state.precision(options), "notes": notes,
    }  # fmt: skip


def verify(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Draw one frame of a picture without a face, from upstream's networks and weights."""
    nets, _ = state.models_for(Options())
    picture = torch.full((1, 3, 256, 256), 0.5, device=state.device)
    points = Points(nets, picture, torch.zeros(1, 70, 27, device=state.device))
    drawn = Stock(nets.generator, picture, points.source)(points.source)
    if not bool(torch.isfinite(drawn).all()):
        raise Refused("internal", "the renderer gives no numbers on this device")
    return {"device": str(drawn.device)}


def _sound(path: Path) -> np.ndarray:
    try:
        with wave.open(str(path)) as file:
            if file.getframerate() != coefficients.SOUND_RATE or file.getnchannels() != 1 or file.getsampwidth() != 2:
                raise Refused("input", f"{path.name} must be 16 kHz, mono, 16 bit")
            data = file.readframes(file.getnframes())
    except (OSError, wave.Error, EOFError) as error:
        raise Refused("input", f"{path.name} cannot be read as a wav file") from error
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768


def _coefficients(
    state: State, nets: Any, reader: Any, options: Options, shown: Shown, sound: np.ndarray, seconds: float
) -> np.ndarray:
    """Return the clip's coefficients as the mapping network takes them: (frames at 25 a second, 70 or 73)."""
    own, count = shown.coefficients, coefficients.frames_for(seconds)
    followed = {
        path: reader.follow(Path(path), options.drawn_size, count)
        for path in {options.ref_eyeblink, options.ref_pose} - {""}
    }
    blinks = followed[options.ref_eyeblink][:, coefficients.EXPRESSION] if options.ref_eyeblink else None
    poses = followed[options.ref_pose][:, coefficients.POSE] if options.ref_pose else None
    spoken = coefficients.speak(
        nets, sound, count, own, options.pose_style, state.device, blinks=blinks, poses=poses
    )
    spoken[:, coefficients.EXPRESSION] *= options.expression_scale
    if options.whole:
        spoken = np.concatenate([spoken, np.repeat(own[None, 70:], count, 0)], 1)
    if options.still:
        spoken[:, 64:] = own[64 : spoken.shape[1]]
    return spoken


def _points(
    state: State, nets: Any, shown: Shown, spoken: np.ndarray, frames: int, rate: Fraction
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the picture, its key points, and those of every frame; the first and the last frame have the picture's."""
    width = spoken.shape[1]
    rest = torch.from_numpy(np.repeat(shown.coefficients[None, :width, None], 27, 2)).to(state.device)
    picture = _tensor(shown.face).to(state.device)
    points = Points(nets, picture, rest)
    times = np.arange(frames) / float(rate)
    end = times[-1]
    parts = []
    for i in range(0, frames, 64):
        some = times[i : i + 64]
        windows = coefficients.windows_at(spoken, some).to(state.device)
        pose, mouth = (_ease(some, end, length).to(state.device) for length in (POSE_EASE, MOUTH_EASE))
        parts.append(points(windows, pose, mouth))
    return picture, points.source, torch.cat(parts)


def _ease(times: np.ndarray, end: float, length: float) -> torch.Tensor:
    """Return 0 at both ends of a clip and 1 between, the ways smooth and `length` s long (less in short clips)."""
    length = max(1e-6, min(length, end / 2))
    part = np.clip(np.minimum(times, end - times) / length, 0, 1)
    return torch.from_numpy((part * part * (3 - 2 * part)).astype(np.float32))


def _renderer(
    state: State, nets: Any, shown: Shown, options: Options, picture: torch.Tensor, source: torch.Tensor
) -> Any:
    """Return what draws frames of this picture; on the CPU it is kept for the next clip."""
    precision = state.precision(options)
    if state.device != "cpu":
        half = HALF.get(str(state.policy.get("precision")), torch.float16) if precision != "full" else None
        return Stock(nets.generator, picture, source, half)
    key = shown.face.tobytes(), options.drawn_size, options.whole, precision
    if state.drawn[0] == key:
        return state.drawn[1]
    dtype = torch.bfloat16 if precision == "half" or (precision == "bytes" and _has_bfloat16()) else torch.float32
    draw = Fast(nets.generator, picture, source, dtype)
    if precision == "bytes":
        draw.quantise(_typical(state, nets, shown, options))
    state.drawn = key, draw
    return draw


def _typical(state: State, nets: Any, shown: Shown, options: Options) -> list[torch.Tensor]:
    """Return key points on which the ranges of values are measured: the picture's face, saying something.

    They depend on the picture and on nothing else, so that a clip's bytes do not depend on the clips before it.
    """
    coefficients.seed_all(0)
    count = coefficients.SHORTEST
    noise = np.random.standard_normal(count * coefficients.SOUND_RATE // coefficients.RATE).astype(np.float32)
    loudness = np.abs(np.sin(np.arange(len(noise)) * (np.pi * 4 / coefficients.SOUND_RATE)))  # syllables
    spoken = _coefficients(state, nets, None, Options(preprocess=options.preprocess), shown, noise * loudness * 0.1,
                           count / coefficients.RATE)  # fmt: skip
    frames = [count * (i + 1) // (CALIBRATION + 1) for i in range(CALIBRATION)]
    points = _points(state, nets, shown, spoken, count, Fraction(coefficients.RATE))
    return [points[2][i : i + 1] for i in frames]


def _faces(draw: Any, points: Any, batch: int) -> Iterator[np.ndarray]:
    """Yield the frames' faces, RGB; at no time are more than `batch` of them in memory."""
    moving = points[2]
    for i in range(0, len(moving), batch):
        drawn = draw(moving[i : i + batch])
        yield from (drawn.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _tensor(face: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(face.astype(np.float32) / 255).permute(2, 0, 1)[None]


if __name__ == "__main__":
    serve(load, run, verify)
