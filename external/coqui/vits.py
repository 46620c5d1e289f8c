"""Coqui's VITS models: a text becomes sound, and durations say when."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import phonemes
import podcast_timing as timing
import precision
import torch
from podcast_worker import Refused
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.models.vits import Vits

LIMIT = 300  # characters said at once; the memory that is needed grows with them


@dataclass(frozen=True)
class Spoken:
    """What a piece of text became."""

    sound: np.ndarray  # float32
    words: list[list]  # [word, start s, end s]
    phones: list[list]


class VitsVoice:
    """A VITS model that is loaded."""

    def __init__(self, folder: Path, device: str, policy: dict[str, Any]) -> None:
        config = VitsConfig()
        config.load_json(str(folder / "config.json"))
        at_home(config, folder)
        self.model = Vits(config)
        self.model.load_checkpoint(config, str(checkpoint(folder)), eval=True)
        self.model.to(device)
        self.device, self.rate, self.limit = device, config.audio.sample_rate, LIMIT
        self.language = config.phoneme_language or folder.name.split("-")[0]
        precision.apply(self.model.waveform_decoder, device, policy)  # nine tenths of the work, and nothing delicate

    def speakers(self) -> dict[str, int]:
        """Return its speakers and their numbers, none if there is but one."""
        manager = self.model.speaker_manager
        return dict(manager.name_to_id) if manager is not None and self.model.num_speakers > 1 else {}

    def say(self, text: str, speaker: str, language: str, options: dict[str, Any], seed: int) -> Spoken:
        """Say a piece of text; equal arguments give equal sound.

        Raises:
            Refused: there is no such speaker.
        """
        names = self.speakers()
        if speaker and speaker not in names:
            listed = ", ".join(list(names)[:20])
            raise Refused("options", f"there is no speaker {speaker!r}", f"there are {listed or 'none'}")
        args, model = self.model.args, self.model
        model.length_scale = args.length_scale / (options.get("rate") or 1.0)
        model.inference_noise_scale = _or(options.get("variation"), args.inference_noise_scale)
        model.inference_noise_scale_dp = _or(options.get("rhythm_variation"), args.inference_noise_scale_dp)
        ids = model.tokenizer.text_to_ids(text)
        if not ids:
            return Spoken(np.zeros(0, np.float32), [], [])
        torch.manual_seed(seed)
        tensor = torch.tensor([ids], device=self.device)
        number = names[speaker] if speaker else min(names.values(), default=0)
        extra = {"x_lengths": torch.tensor([len(ids)], device=self.device), "d_vectors": None, "language_ids": None,
                 "speaker_ids": torch.tensor([number], device=self.device) if names else None}  # fmt: skip
        with torch.inference_mode():
            made = model.inference(tensor, extra)
        sound = made["model_outputs"].reshape(-1).float().cpu().numpy()
        frames = made["durations"].reshape(-1).float().cpu().numpy()
        return Spoken(sound, *self._times(text, ids, frames * (len(sound) / max(1.0, frames.sum()))))

    def _times(self, text: str, ids: list[int], lengths: np.ndarray) -> tuple[list[list], list[list]]:
        """Return words and phones; a model that reads letters gets the phones that each word has elsewhere."""
        characters = self.model.tokenizer.characters
        symbols = [self._symbol(characters.id_to_char(i)) for i in ids]
        said = timing.phones_of(*timing.grouped(symbols, lengths), self.rate, 0.0)
        tokens = text.split()
        words = timing.words_of(tokens, [self._sounds(token) for token in tokens], said)
        if self.model.tokenizer.use_phonemes:
            return words, [[p.symbol, p.start, p.end] for p in said if p.end > p.start]
        return words, timing.spread(words, [phonemes.ipa(token, self.language) for token in tokens])

    def _symbol(self, character: str) -> str:
        """Return a character as a phoneme; what pads (also between any two) is a pause of its own length."""
        characters = self.model.tokenizer.characters
        filling = (characters.pad, characters.blank, characters.bos, characters.eos)
        return timing.PAD if character in filling else character

    def _sounds(self, token: str) -> list[str]:
        characters = self.model.tokenizer.characters
        symbols = [self._symbol(characters.id_to_char(i)) for i in self.model.tokenizer.text_to_ids(token)]
        return timing.letters_of([symbol for symbol in symbols if symbol != timing.PAD])


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def at_home(config: VitsConfig, folder: Path) -> None:
    """Correct the places of files that a published configuration names: they lie beside it."""
    for section in (config, config.model_args):
        for key in ("speakers_file", "language_ids_file", "d_vector_file", "speaker_encoder_config_path",
                    "speaker_encoder_model_path"):  # fmt: skip
            value = section.get(key, None) if key in section else None
            if isinstance(value, str) and value:
                setattr(section, key, str(folder / Path(value).name))
    config.model_args.init_discriminator = False  # it is for training only


def checkpoint(folder: Path) -> Path:
    """Return the file of a model's weights."""
    return next(p for name in ("model_file.pth", "model.pth", "best_model.pth", "model_file.pth.tar")
                if (p := folder / name).is_file())  # fmt: skip


def unpacked(archive: Path) -> Path:
    """Return the folder with an archive's files; unpacks it the first time."""
    folder = archive.with_suffix("")
    if not (folder / "config.json").is_file():
        draft = archive.with_suffix(".draft")
        with zipfile.ZipFile(archive) as file:
            for member in file.infolist():
                if not member.is_dir():
                    draft.mkdir(exist_ok=True)
                    (draft / Path(member.filename).name).write_bytes(file.read(member))
        draft.rename(folder)
    return folder
