"""Who speaks: what a model needs to know of a voice, computed once for each sample."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from podcast_worker import Refused

LEAST, MOST = 2.0, 30.0  # s of a sample that are needed, and that are used
CHUNK = 6  # s of it that are looked at together
SILENT = 1e-3  # peak below which a sample holds nothing
_RATES = (22050, 16000)  # Hz of the two networks that listen
_VERSION = 1  # raised whenever the same sample would give another voice


@dataclass(frozen=True)
class Identity:
    """A voice as XTTS knows it."""

    latents: torch.Tensor
    embedding: torch.Tensor


class Speakers:
    """The voices that were met: those of the model, and those of samples, which are kept on the disk too."""

    def __init__(self, model: Any, folder: Path) -> None:
        self._model, self._folder = model, folder
        self._known: dict[str, Identity] = {}
        self.computed = 0

    def own(self, name: str) -> Identity:
        """Return one of the model's own voices."""
        found = self._model.speaker_manager.speakers[name]
        return Identity(found["gpt_cond_latent"], found["speaker_embedding"])

    def of_sample(self, sample: Path) -> Identity:
        """Return the voice of a sample.

        Raises:
            Refused: it can't be read, is silent or too short.
        """
        digest = hashlib.sha256(sample.read_bytes() + b"%d" % _VERSION).hexdigest()
        if digest not in self._known:
            self._known[digest] = self._kept(digest) or self._keep(digest, self._listen(sample))
        return self._known[digest]

    def _kept(self, digest: str) -> Identity | None:
        try:
            found = torch.load(self._folder / f"{digest}.pt", map_location="cpu", weights_only=True)
            return Identity(found["latents"], found["embedding"])
        except (OSError, RuntimeError, KeyError, EOFError):  # none, or a broken one
            return None

    def _keep(self, digest: str, identity: Identity) -> Identity:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{digest}.{os.getpid()}"
        torch.save({"latents": identity.latents, "embedding": identity.embedding}, draft)
        draft.replace(self._folder / f"{digest}.pt")
        return identity

    def _listen(self, sample: Path) -> Identity:
        sound, rate = read(sample)
        high, low = (torch.from_numpy(soxr.resample(sound, rate, r))[None].to(self._model.device) for r in _RATES)
        latents = self._model.get_gpt_cond_latents(high, _RATES[0], length=int(MOST), chunk_length=CHUNK)
        embedding = self._model.get_speaker_embedding(low, _RATES[1])
        self.computed += 1
        return Identity(latents.cpu(), embedding.cpu())


def read(sample: Path) -> tuple[np.ndarray, int]:
    """Return a sample's sound, mono, without silence at its ends and no longer than is used, and its rate.

    Raises:
        Refused: it can't be read, is silent or too short.
    """
    try:
        sound, rate = soundfile.read(sample, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise Refused("input", f"the voice sample {sample.name} can't be read: {error}",
                      "give a wav, flac, ogg or mp3 file") from error  # fmt: skip
    sound = sound.mean(axis=1)
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max(initial=0.0))
    if not len(loud) or np.abs(sound).max() < SILENT:
        raise Refused("input", f"the voice sample {sample.name} is silent", "give a recording of somebody who speaks")
    sound = sound[loud[0] : loud[-1] + 1][: round(MOST * rate)]
    if len(sound) < LEAST * rate:
        raise Refused("input", f"the voice sample {sample.name} holds only {len(sound) / rate:.1f} s of sound",
                      "give 6 to 30 s of one person who speaks, without music or noise")  # fmt: skip
    return sound, rate
