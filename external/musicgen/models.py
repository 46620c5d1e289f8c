"""MusicGen, opened: text becomes conditions, codes become sound."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from podcast_worker import Refused
from tokenizers import Tokenizer

CONFIG, WORDS = "config.json", "tokenizer.json"
TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
REPAIR = "podcast engines repair musicgen"
CHUNK, MARGIN = 30.0, 2.0  # s of sound decoded at once, and of what is decoded on both sides for its context only
JOINT = 0.01  # s of cross-fade between chunks


@dataclass(frozen=True)
class Conditions:
    """What the decoder is told: hidden states with those of "nothing" after them, and which of them count."""

    hidden: torch.Tensor  # (2 n, length, width)
    mask: torch.Tensor | None  # (2 n, length); None: all, and they are told once, before the first code


class Model:
    """A model of one size on one device.

    Args:
        folder: config.json, tokenizer.json and the weights, as they are published.
        device: "cuda:0", "mps", "cpu".
        policy: which precision, whether it is compiled.
    """

    def __init__(self, folder: Path, device: str, policy: dict[str, Any]) -> None:
        config, self.tokenizer = _read(folder)
        self.melodic = config.get("model_type") == "musicgen_melody"
        self.net = _load(folder, self.melodic)
        self.device = device
        self.dtype = _precision(device, policy)
        self.net.to(device)
        self.net.decoder.to(self.dtype)  # words and sound stay in single precision: they take little of the time
        if device.startswith("cuda") and policy.get("tf32"):
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        decoder, codec = self.net.config.decoder, self.net.config.audio_encoder
        self.rate = codec.sampling_rate  # Hz
        self.pace = codec.frame_rate  # codes per second
        self.books, self.pad = decoder.num_codebooks, decoder.pad_token_id
        self.channels = getattr(decoder, "audio_channels", 1)
        self.step = self.net.decoder.forward
        if policy.get("compile"):
            self.step = torch.compile(self.net.decoder.forward, dynamic=True)

    def listen(self, texts: list[str], chroma: torch.Tensor | None = None) -> Conditions:
        """Return what the decoder is told of descriptions, and of a melody: (frames, 12), one of 12 each."""
        ids = [self.tokenizer.encode(text).ids for text in texts]
        longest = max(map(len, ids))
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=self.device)
        tokens = torch.tensor([row + [0] * (longest - len(row)) for row in ids], device=self.device)
        hidden = self.net.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        if hasattr(self.net, "enc_to_dec_proj"):
            hidden = self.net.enc_to_dec_proj(hidden)
        hidden = hidden * mask[..., None]
        hidden = torch.cat([hidden, torch.zeros_like(hidden)])
        if not self.melodic:  # "nothing" is zeros, whose mask does not matter
            return Conditions(hidden.to(self.dtype), torch.cat([mask, mask]))
        return Conditions(torch.cat([self._sung(chroma, len(texts)), hidden], 1).to(self.dtype), None)

    def _sung(self, chroma: torch.Tensor | None, count: int) -> torch.Tensor:
        """Return the hidden states of a melody and, after them, those of none."""
        length = self.net.config.chroma_length
        none = torch.zeros(length, self.net.config.num_chroma, device=self.device)
        none[:, 0] = 1
        sung = none
        if chroma is not None:
            sung = chroma.to(self.device).repeat(-(-length // len(chroma)), 1)[:length]
            # The model was taught that no melody has as many frames as the melody has.
        both = torch.stack([sung] * count + [none] * count)
        return self.net.audio_enc_to_dec_proj(both) if hasattr(self.net, "audio_enc_to_dec_proj") else both

    def sound(self, codes: torch.Tensor) -> np.ndarray:
        """Return codes (books, frames) as sound, float32 (samples, channels); long ones are decoded in chunks."""
        sides = [codes[side :: self.channels] for side in range(self.channels)]
        return np.stack([self._decoded(side) for side in sides], 1)

    def _decoded(self, codes: torch.Tensor) -> np.ndarray:
        chunk, margin = round(CHUNK * self.pace), round(MARGIN * self.pace)
        hop, joint = self.rate // self.pace, round(JOINT * self.rate)
        frames = codes.shape[1]
        out = np.zeros(frames * hop, np.float32)
        for start in range(0, frames, chunk):
            first, last = max(0, start - margin), min(frames, start + chunk + margin)
            wave = self.net.audio_encoder.decode(codes[None, None, :, first:last], [None]).audio_values
            piece = wave[0, 0, : (last - first) * hop].float().cpu().numpy()[(start - first) * hop :]
            piece = piece[: (min(frames, start + chunk) - start) * hop + joint]  # a little more, for the next joint
            at = start * hop
            if start:
                rise = np.linspace(0, 1, joint, dtype=np.float32)[: len(piece)]
                piece[:joint] = piece[:joint] * rise + out[at : at + len(rise)] * (1 - rise)
            out[at : at + len(piece)] = piece[: len(out) - at]
        return out


def _read(folder: Path) -> tuple[dict[str, Any], Tokenizer]:
    missing = [name for name in (CONFIG, WORDS) if not (folder / name).is_file()]
    if missing or not any(folder.glob("*.safetensors")):
        raise Refused("options", f"the weights of the model {folder.name!r} are not there", REPAIR)
    try:
        return json.loads((folder / CONFIG).read_text("utf-8")), Tokenizer.from_file(str(folder / WORDS))
    except Exception as error:  # tokenizers raises nothing narrower
        raise Refused("options", f"the model {folder.name!r} is damaged: {_short(error)}", REPAIR) from error


def _load(folder: Path, melodic: bool) -> Any:
    from safetensors import SafetensorError
    from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration

    kind = MusicgenMelodyForConditionalGeneration if melodic else MusicgenForConditionalGeneration
    try:
        net, told = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        if "memory" in str(error).lower():
            raise
        raise Refused("options", f"the weights of {folder.name!r} are damaged: {_short(error)}", REPAIR) from error
    if missing := [key for key in told["missing_keys"] if "position" not in key]:
        raise Refused("options", f"the weights of {folder.name!r} lack {sorted(missing)[0]}", REPAIR)
    return net.eval().requires_grad_(False)


def _precision(device: str, policy: dict[str, Any]) -> torch.dtype:
    wanted = TYPES.get(policy.get("precision", ""), torch.float32)
    return torch.float32 if wanted is torch.float16 and device == "cpu" else wanted  # processors emulate it


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
