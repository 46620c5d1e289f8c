"""Write models of random weights for Coqui's worker: coqui_random.py FOLDER. Runs in Coqui's own environment.

`letters`, `phones` and `choir` are VITS models that read letters, phonemes, and letters with three voices; the first is
made so that its pauses are silent. `xtts_v2` is a small XTTS with one voice of its own. None of them says anything.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "external/coqui/stand_ins"), str(HERE.parents[2] / "external/coqui")]

import phonemes  # noqa: E402
import torch  # noqa: E402
from TTS.tts.configs.shared_configs import CharactersConfig  # noqa: E402
from TTS.tts.configs.vits_config import VitsArgs, VitsConfig  # noqa: E402
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig  # noqa: E402
from TTS.tts.models.vits import Vits  # noqa: E402
from TTS.tts.models.xtts import Xtts  # noqa: E402

PUNCTUATION = "!'(),-.:;? "
LETTERS = "abcdefghijklmnopqrstuvwxyz"
IPA = "abdefhijklmnoprstuvwzæðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθᵻ"


def vits(
    folder: Path, characters: str, use_phonemes: bool, speakers: tuple[str, ...] = (), hushed: bool = False
) -> None:
    """Write a VITS model."""
    folder.mkdir(parents=True)
    several = {"use_speaker_embedding": bool(speakers), "speaker_embedding_channels": 32,
               "speakers_file": str(folder / "speaker_ids.json") if speakers else None}  # fmt: skip
    (folder / "speaker_ids.json").write_text(json.dumps({name: i for i, name in enumerate(speakers)}), "utf-8")
    args = VitsArgs(
        hidden_channels=32, hidden_channels_ffn_text_encoder=64, num_heads_text_encoder=2, num_layers_text_encoder=2,
        num_layers_posterior_encoder=2, num_layers_flow=2, upsample_initial_channel_decoder=64,
        init_discriminator=False, use_sdp=False, **several,
    )  # fmt: skip
    config = VitsConfig(
        model_args=args, use_phonemes=use_phonemes, phonemizer="espeak" if use_phonemes else "",
        phoneme_language="en-us", text_cleaner="basic_cleaners", add_blank=not hushed, test_sentences=[],
        **several,
        characters=CharactersConfig(characters_class="TTS.tts.models.vits.VitsCharacters", pad="_", eos="", bos="",
                                    blank="<BLNK>", characters=characters, punctuations=PUNCTUATION, phonemes=""),
    )  # fmt: skip
    torch.manual_seed(1)
    model = Vits(config)
    if hushed:
        hush(model)
    torch.save({"model": model.state_dict()}, folder / "model_file.pth")
    config.save_json(str(folder / "config.json"))


def hush(model: Vits) -> None:
    """Let every character sound for 16 frames by itself, and those that are no letters not at all."""
    reader, silent = model.text_encoder, model.tokenizer.encode(PUNCTUATION)
    half = reader.proj.out_channels // 2
    with torch.no_grad():
        reader.emb.weight[silent] = 0
        for name, weight in reader.encoder.named_parameters():
            if "norm" not in name:
                weight.zero_()  # no character hears of another
        reader.proj.weight[half:], reader.proj.bias[:half], reader.proj.bias[half:] = 0, 0, -10  # no noise
        for name, weight in model.waveform_decoder.named_parameters():
            if name.endswith("bias") or ("resblocks" in name and name.endswith(("original0", "weight_g"))):
                weight.zero_()  # no frame spreads far
        model.duration_predictor.proj.weight.zero_()
        model.duration_predictor.proj.bias.fill_(math.log(15.5))


def xtts(folder: Path) -> None:
    """Write a small XTTS."""
    args = XttsArgs(
        gpt_layers=2, gpt_n_model_channels=64, gpt_n_heads=2, gpt_max_audio_tokens=40, gpt_max_text_tokens=402,
        gpt_num_audio_tokens=130, gpt_start_audio_token=128, gpt_stop_audio_token=129, decoder_input_dim=64,
        gpt_use_perceiver_resampler=True, gpt_number_text_tokens=len(vocabulary()["model"]["vocab"]),
        gpt_start_text_token=3, gpt_stop_text_token=0,
    )  # fmt: skip
    config = XttsConfig(model_args=args)
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary()), "utf-8")
    config.model_args.tokenizer_file = str(folder / "vocab.json")
    torch.manual_seed(1)
    model = Xtts(config)
    model.init_models()
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.model_args.tokenizer_file = ""
    config.save_json(str(folder / "config.json"))
    voice = {"gpt_cond_latent": torch.randn(1, 32, 64), "speaker_embedding": torch.randn(1, 512, 1)}
    torch.save({"Random Voice": voice}, folder / "speakers_xtts.pth")


def vocabulary() -> dict[str, Any]:
    """Return a tokenizer of single letters."""
    special = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[END]", "[en]", "[de]"]
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "decoder": None, "pre_tokenizer": {"type": "Whitespace"},
        "added_tokens": [{"id": i, "special": True, "content": token, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False} for i, token in enumerate(special)],
        "model": {"type": "BPE", "dropout": None, "unk_token": "[UNK]", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "merges": [],
                  "vocab": {token: i for i, token in enumerate([*special, *LETTERS, *PUNCTUATION.replace(" ", "")])}},
    }  # fmt: skip


if __name__ == "__main__":
    phonemes.install()
    home = Path(sys.argv[1])
    vits(home / "letters", LETTERS, False, hushed=True)
    vits(home / "phones", IPA, True)
    vits(home / "choir", LETTERS, False, ("ann", "bob", "cy"))
    xtts(home / "xtts_v2")
