"""Sound to coefficients: upstream's expression and pose networks at 25 frames a second, then any frame rate."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
import upstream
from scipy.signal import savgol_filter
from torch import Tensor

SOUND_RATE = 16_000  # Hz
RATE = 25  # frames a second, of upstream's networks
MEL_RATE = 80  # columns of the mel spectrogram a second
MEL_SPAN = 16  # columns that a frame is judged by
MEL_LEAD = 2  # frames by which those begin before the frame
BLOCK = 32  # frames that the pose network makes at a time
EXPRESSION, POSE = slice(0, 64), slice(64, 70)
RADIUS = 13  # frames on either side that the key points of a frame depend on
SHORTEST = 40  # frames; upstream's blinks and smoothing need some room
SMOOTHING = 13, 2  # frames and order of the filter over poses


def mel_spectrogram(sound: np.ndarray) -> np.ndarray:
    """Return upstream's mel spectrogram of 16 kHz sound: (columns, 80)."""
    return upstream.module("utils.audio").melspectrogram(sound).T.astype(np.float32)


def mel_windows(mel: np.ndarray, first: int, last: int) -> Tensor:
    """Return what the frames from `first` to `last` are judged by: (frames, 1, 80, 16)."""
    starts = [int(MEL_RATE * ((i - MEL_LEAD) / RATE)) for i in range(first, last)]
    columns = np.add.outer(starts, np.arange(MEL_SPAN)).clip(0, len(mel) - 1)
    return torch.from_numpy(mel[columns].transpose(0, 2, 1)[:, None].copy())


def frames_for(seconds: float) -> int:
    """Return how many of upstream's frames a clip needs."""
    return max(SHORTEST, int(np.ceil(seconds * RATE)) + 1)


def speak(nets: Any, sound: np.ndarray, count: int, own: np.ndarray, style: int, device: str, *,
          blinks: np.ndarray | None = None, poses: np.ndarray | None = None) -> np.ndarray:
    """Return coefficients (count, 70) of somebody who says `sound`; random generators are seeded by the caller.

    Args:
        nets: upstream's networks.
        sound: mono, 16 kHz.
        count: frames at 25 a second.
        own: the picture's coefficients (70 or more).
        style: of upstream's 46 styles of moving the head.
        device: where the networks are.
        blinks: expressions (N, 64) of somebody whose eyes are followed.
        poses: poses (N, 6) of somebody whose head is followed.
    """
    needed = count * SOUND_RATE // RATE
    mel = mel_spectrogram(np.pad(sound[:needed], (0, max(0, needed - len(sound)))))
    ratio = upstream.module("generate_batch").generate_blink_seq_randomly(count)[:, 0]
    reference = np.repeat(own[None, EXPRESSION], count, 0)
    if blinks is not None:
        ratio, reference = np.zeros(count), there_and_back(blinks, count)
    expression = _expression(nets, mel, reference, ratio, device)
    pose = own[POSE] + savgol_filter(_pose(nets, mel, count, own, style, device), *SMOOTHING, axis=0)
    if poses is not None:
        pose = pose + there_and_back(poses, count) - poses[:1]
    return np.concatenate([expression, pose], 1).astype(np.float32)


def there_and_back(values: np.ndarray, count: int) -> np.ndarray:
    """Return values repeated to the length `count`, every other time backwards, so that nothing jumps."""
    turn = np.arange(count) % max(1, 2 * len(values) - 2)
    return values[np.where(turn < len(values), turn, 2 * len(values) - 2 - turn)]


def _expression(nets: Any, mel: np.ndarray, reference: np.ndarray, ratio: np.ndarray, device: str) -> np.ndarray:
    out = []
    for i in range(0, len(ratio), BLOCK):
        j = min(i + BLOCK, len(ratio))
        batch = {
            "indiv_mels": mel_windows(mel, i, j)[None].to(device),
            "ref": torch.from_numpy(reference[i:j].astype(np.float32))[None].to(device),
            "ratio_gt": torch.from_numpy(ratio[i:j, None].astype(np.float32))[None].to(device),
        }
        out.append(nets.audio2exp.test(batch)["exp_coeff_pred"][0].cpu().numpy())
    return np.concatenate(out)


def _pose(nets: Any, mel: np.ndarray, count: int, own: np.ndarray, style: int, device: str) -> np.ndarray:
    """Return how the head moves against the picture (count, 6), in blocks as upstream does it."""
    network = nets.audio2pose
    batch: dict[str, Any] = {
        "ref": torch.from_numpy(own[None, POSE].astype(np.float32)).to(device),
        "class": torch.tensor([style], device=device),
    }
    out = [np.zeros((1, 6), np.float32)]
    for start in range(1, count, BLOCK):
        length = min(BLOCK, count - start)
        windows = mel_windows(mel, start + length - BLOCK, start + length)[None]  # the last block reaches back
        batch["z"] = torch.randn(1, network.latent_dim).to(device)
        batch["audio_emb"] = network.audio_encoder(windows.to(device))
        out.append(network.netG.test(batch)["pose_motion_pred"][0, -length:].cpu().numpy())
    return np.concatenate(out)


def windows_at(coefficients: np.ndarray, times: np.ndarray) -> Tensor:
    """Return what the key points at `times` (s) depend on: (len(times), C, 27), interpolated between frames."""
    at = (times[:, None] * RATE + np.arange(-RADIUS, RADIUS + 1)).clip(0, len(coefficients) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(coefficients) - 1)
    part = (at - low)[..., None]
    found = coefficients[low] * (1 - part) + coefficients[high] * part
    return torch.from_numpy(found.transpose(0, 2, 1).astype(np.float32))


def seed_all(seed: int) -> None:
    """Seed every random generator that upstream draws from."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
