"""Piper's worker: a sentence becomes a wav file with the times of its phones and words."""

from __future__ import annotations

import wave
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import podcast_timing as timing
from podcast_worker import Refused, serve
from voice import SPEAKER_MARK, Scales, Spoken, Voice

KEPT = 3  # voices in memory, 100 MB each
GAP = 0.25  # s between sentences, if a text holds several
HELLO = "Hello, this is a test."

State = dict[str, Any]


def load(device: str, setup: dict[str, Any]) -> State:
    """Return what is kept between jobs; voices are loaded when they first speak."""
    return {"weights": Path(setup["weights"]), "threads": int(setup.get("threads") or 1), "voices": OrderedDict()}


def run(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Speak args["text"]."""
    name, _, speaker = args["voice"].partition(SPEAKER_MARK)
    voice = get_voice(state, name)
    number = get_speaker(voice, name, speaker)
    options = args.get("options") or {}
    scales = Scales(options.get("rate") or 1.0, options.get("variation"), options.get("rhythm_variation"))
    sentences = voice.piper.phonemize(args["text"])
    spoken = []
    for index, phonemes in enumerate(sentences):
        progress(index / len(sentences), f"sentence {index + 1} of {len(sentences)}")
        spoken.append(voice.speak(phonemes, (int(args.get("seed") or 0), index), number, scales))
    if not any(len(s.samples) for s in spoken):
        raise Refused("input", f"{name} has no sounds for {args['text'][:60]!r}",
                      "choose a voice of the text's language")  # fmt: skip
    rate = voice.config.sample_rate
    write(Path(args["into"]) / "speech.wav", spoken, rate)
    return {"files": {"audio": "speech.wav"}, "rate": rate, **times(args["text"], voice, spoken)}


def verify(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Show that the engine works: the first voice that is there says a few words."""
    names = there(state["weights"])
    if not names:
        raise Refused("input", "no voice is downloaded", "podcast voices --engine piper shows what there is")
    voice = get_voice(state, names[0])
    phonemes = voice.piper.phonemize(HELLO)[0]
    once, again = (voice.speak(phonemes, (1,), voice.speaker(""), Scales()).samples for _ in range(2))
    if not len(once) or not np.isfinite(once).all() or not once.any():
        raise Refused("internal", f"{names[0]} says nothing")
    return {"files": {}, "voice": names[0], "seconds": len(once) / voice.config.sample_rate,
            "repeatable": bool(np.array_equal(once, again)), "timings": voice.timed}  # fmt: skip


def there(weights: Path) -> list[str]:
    """Return the names of the voices that are downloaded."""
    return sorted(p.name.removesuffix(".onnx") for p in weights.glob("*.onnx") if Path(f"{p}.json").is_file())


def get_voice(state: State, name: str) -> Voice:
    """Return a voice by its name, or by the path of its model; the least used one is forgotten.

    Raises:
        Refused: it is not there.
    """
    kept: OrderedDict[str, Voice] = state["voices"]
    if name not in kept:
        model = Path(name) if name.endswith(".onnx") else state["weights"] / f"{name}.onnx"
        if not (model.is_file() and Path(f"{model}.json").is_file()):
            listed = ", ".join(there(state["weights"])) or "none"
            raise Refused("options", f"the voice {name!r} is not downloaded (there are: {listed})",
                          "podcast voices --engine piper shows what there is")  # fmt: skip
        kept[name] = Voice(model, state["threads"])
    kept.move_to_end(name)
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return kept[name]


def get_speaker(voice: Voice, name: str, speaker: str) -> int | None:
    """Return the number of a speaker of a voice.

    Raises:
        Refused: it has no such speaker.
    """
    try:
        return voice.speaker(speaker)
    except KeyError:
        known = list(voice.config.speaker_id_map)
        raise Refused("options", f"{name} has no speaker {speaker!r}",
                      f"it has {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}") from None  # fmt: skip


def write(file: Path, spoken: list[Spoken], rate: int) -> None:
    """Write sentences one after the other; one gain for all where a peak would clip."""
    gap = np.zeros(round(GAP * rate), np.float32)
    sound = np.concatenate([piece for s in spoken for piece in (s.samples, gap)][:-1])
    peak = float(np.abs(sound).max(initial=0.0))
    sound = sound * (32767 / max(1.0, peak))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.rint(sound).astype("<i2").tobytes())


def times(text: str, voice: Voice, spoken: list[Spoken]) -> dict[str, Any]:
    """Return words and phones with their times; both empty where the voice does not tell."""
    if any(s.lengths is None for s in spoken):
        return {"words": [], "phones": []}
    rate, at, phones = voice.config.sample_rate, 0.0, []
    for s in spoken:
        phones += timing.phones_of(s.phonemes, s.lengths, rate, at)
        at += (len(s.samples) + round(GAP * rate)) / rate
    tokens = text.split()
    words = timing.words_of(tokens, [sounds(voice, token) for token in tokens], phones)
    if voice.spelled:  # letters, which nobody could turn into mouth shapes
        return {"words": words, "phones": []}
    return {"words": words, "phones": [[p.symbol, p.start, p.end] for p in phones if p.end > p.start]}


def sounds(voice: Voice, token: str) -> list[str]:
    """Return the sounds of a word that is said alone, with their modifiers."""
    return timing.letters_of([p for sentence in voice.piper.phonemize(token) for p in sentence])


if __name__ == "__main__":
    serve(load, run, verify)
