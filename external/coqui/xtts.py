"""XTTS v2: speaks seventeen languages with the voice of a sample, or with one of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import precision
import torch
from podcast_worker import Refused
from speakers import Identity, Speakers
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models import xtts as upstream
from vits import Spoken

MARGIN = 0.9  # of the model's own limits of characters: they are averages
_CODES = {"zh": "zh-cn"}  # BCP 47 that XTTS writes otherwise


class Xtts(upstream.Xtts):
    """The model; it leaves its checkpoint as it is."""

    def _load_checkpoint(self, model_path: Path) -> dict:
        with upstream._legacy_safe_globals():
            return torch.load(model_path, map_location="cpu", weights_only=True, mmap=True)["model"]


class XttsVoice:
    """XTTS, loaded."""

    def __init__(self, folder: Path, embeddings: Path, device: str, policy: dict[str, Any]) -> None:
        self.config = XttsConfig()
        self.config.load_json(str(folder / "config.json"))
        self.model = Xtts.init_from_config(self.config)
        self.model.load_checkpoint(self.config, checkpoint_dir=folder, eval=True)
        self.model.to(device)
        self.device, self.rate = device, self.config.audio.output_sample_rate
        self.speakers = Speakers(self.model, embeddings)
        if device != "cpu":  # token by token a processor gains nothing: 3.8 s per second of speech instead of 3.4
            precision.convert(self.model.gpt.gpt, device, policy)
        precision.apply(self.model.hifigan_decoder.waveform_decoder, device, policy)

    def code(self, language: str) -> str:
        """Return the model's name of a language.

        Raises:
            Refused: it does not speak it.
        """
        tag = language.lower()
        base = tag.split("-")[0]
        for wanted in (tag, _CODES.get(base, base)):
            if wanted in self.config.languages:
                return wanted
        listed = ", ".join(sorted(self.config.languages))
        raise Refused("options", f"XTTS does not speak {language!r}", f"it speaks {listed}")

    def limit(self, language: str) -> int:
        """Return how many characters it says at once in a language."""
        return int(MARGIN * self.model.tokenizer.char_limits.get(self.code(language).split("-")[0], 200))

    def names(self) -> list[str]:
        """Return the names of its own voices."""
        return self.model.speaker_manager.speaker_names if self.model.speaker_manager else []

    def say(self, text: str, who: Identity, language: str, options: dict[str, Any], seed: int) -> Spoken:
        """Say a piece of text; equal arguments give equal sound on one device. It does not know when it says what."""
        config = self.config
        torch.manual_seed(seed)
        made = self.model.inference(
            text, self.code(language), who.latents, who.embedding,
            temperature=options.get("temperature") or config.temperature,
            speed=options.get("rate") or 1.0,
            repetition_penalty=options.get("repetition_penalty") or config.repetition_penalty,
            length_penalty=config.length_penalty, top_k=config.top_k, top_p=config.top_p,
        )  # fmt: skip
        return Spoken(made["wav"].astype("float32").reshape(-1), [], [])
