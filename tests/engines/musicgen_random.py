"""Write models of random weights for MusicGen's worker: musicgen_random.py FOLDER. Runs in MusicGen's own environment.

`small`, `stereo-small` and `melody` have the layout of the published models and a thousandth of their size; with
--full there is only `small`, in the size of the published one (2.4 GB), to measure with.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    MusicgenMelodyConfig,
    MusicgenMelodyDecoderConfig,
    MusicgenMelodyForConditionalGeneration,
    T5Config,
)

CODES = 64  # a book
LOUD = 6.0  # gain of the last layer: random weights whisper


def main(folder: Path) -> None:
    """Write the models."""
    for name, channels in (("small", 1), ("stereo-small", 2)):
        decoder = MusicgenDecoderConfig(audio_channels=channels, ffn_dim=64, **decoding(4 * channels))
        config = MusicgenConfig(text_encoder=words(), audio_encoder=codec(), decoder=decoder.to_dict())
        save(MusicgenForConditionalGeneration, config, folder / name)
    decoder = MusicgenMelodyDecoderConfig(ffn_dim=64, **decoding(4))
    config = MusicgenMelodyConfig(text_encoder=words(), audio_encoder=codec(), decoder=decoder.to_dict(),
                                  num_chroma=12, chroma_length=235)  # fmt: skip
    save(MusicgenMelodyForConditionalGeneration, config, folder / "melody")


def full(folder: Path) -> None:
    """Write a model of the published small one's size."""
    text = T5Config(vocab_size=32128, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12,
                    is_encoder_decoder=False, use_cache=False)  # fmt: skip
    sound = EncodecConfig(sampling_rate=32000, audio_channels=1, normalize=False, chunk_length_s=None, num_filters=64,
                          upsampling_ratios=[8, 5, 4, 4], hidden_size=128, codebook_size=2048, codebook_dim=128,
                          target_bandwidths=[2.2], use_causal_conv=False)  # fmt: skip
    decoder = MusicgenDecoderConfig(vocab_size=2048, num_hidden_layers=24, ffn_dim=4096, num_attention_heads=16,
                                    hidden_size=1024, num_codebooks=4, pad_token_id=2048, bos_token_id=2048,
                                    eos_token_id=None)  # fmt: skip
    config = MusicgenConfig(text_encoder=text.to_dict(), audio_encoder=sound.to_dict(), decoder=decoder.to_dict())
    save(MusicgenForConditionalGeneration, config, folder / "small")


def words() -> dict:
    """Return the configuration of the text's encoder."""
    return T5Config(vocab_size=200, d_model=24, d_kv=8, d_ff=48, num_layers=2, num_heads=4, is_encoder_decoder=False,
                    use_cache=False).to_dict()  # fmt: skip


def codec() -> dict:
    """Return the configuration of the sound's codec: 50 codes per second, 32 kHz."""
    return EncodecConfig(sampling_rate=32000, audio_channels=1, normalize=False, chunk_length_s=None, num_filters=4,
                         upsampling_ratios=[8, 5, 4, 4], hidden_size=16, codebook_size=CODES, codebook_dim=16,
                         target_bandwidths=[1.2], num_lstm_layers=1, use_causal_conv=False).to_dict()  # fmt: skip


def decoding(books: int) -> dict:
    """Return the sizes of a decoder."""
    return {"vocab_size": CODES, "max_position_embeddings": 2048, "num_hidden_layers": 2, "num_attention_heads": 4,
            "hidden_size": 32, "num_codebooks": books, "pad_token_id": CODES, "bos_token_id": CODES,
            "eos_token_id": None, "initializer_factor": 0.4}  # fmt: skip


def save(kind: type, config: object, folder: Path) -> None:
    """Write a model and its tokenizer."""
    torch.manual_seed(3)
    net = kind(config)
    last = net.audio_encoder.decoder.layers[-1].conv
    with torch.no_grad():
        for layer in net.audio_encoder.quantizer.layers:
            layer.codebook.embed.normal_()  # they begin as zeros
        for parameter in last.parameters():
            parameter.mul_(LOUD)
    net.save_pretrained(folder)
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((chr(c), -3.0) for c in range(33, 127))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    (full if "--full" in sys.argv else main)(Path(sys.argv[1]))
