"""Coqui's worker: VITS models with exact times, and XTTS, which imitates the speaker of a sample."""

from __future__ import annotations

import os
import sys
import wave
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podcast_worker import Refused, serve

sys.path.insert(0, str(Path(__file__).with_name("stand_ins")))
os.environ["HF_HUB_OFFLINE"] = "1"  # weights are the host's business
os.environ["COQUI_TOS_AGREED"] = "1"  # the host asks before it fetches weights under the CPML

KEPT = 2  # models in memory
SPEAKER_MARK = "#"  # "vctk#p225": a speaker of a model that has several
XTTS = "xtts_v2"  # folder of its weights
EMBEDDINGS = "speakers"  # folder of the voices of samples

State = dict[str, Any]


def load(device: str, setup: dict[str, Any]) -> State:
    """Import what speaks; models are loaded when they are first wanted."""
    import phonemes
    import torch

    torch.set_num_threads(int(setup.get("threads") or 1))
    phonemes.install()
    return {"weights": Path(setup["weights"]), "device": device, "policy": setup.get("policy") or {},
            "models": OrderedDict()}  # fmt: skip


def run(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Speak args["text"]."""
    import pieces

    voice, options, seed = args["voice"], args.get("options") or {}, int(args.get("seed") or 0)
    model, speaker, limit = chosen(state, voice, args["language"])
    said, made = pieces.split(args["text"], limit), []
    for i, piece in enumerate(said):
        progress(i / len(said), f"piece {i + 1} of {len(said)}")
        made.append(model.say(piece, speaker, args["language"], options, seed + i))
    sound, offsets = pieces.join([m.sound for m in made], model.rate)
    if not sound.any():
        raise Refused("input", f"{voice} has no sounds for {args['text'][:60]!r}",
                      "choose a voice of the text's language")  # fmt: skip
    write(Path(args["into"]) / "speech.wav", sound, model.rate)
    starts = [offset / model.rate for offset in offsets]
    words, phones = (moved(times, starts) for times in ([m.words for m in made], [m.phones for m in made]))
    return {"files": {"audio": "speech.wav"}, "rate": model.rate, "device": state["device"], "pieces": len(said),
            "words": words, "phones": phones}  # fmt: skip


def verify(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Show that the engine works: the first model that is there says a few words."""
    names = there(state["weights"])
    if not names:
        raise Refused("input", "no voice is downloaded", "podcast voices --engine coqui shows what there is")
    model = get_model(state, names[0])
    speaker = model.speakers.own(model.names()[0]) if names[0] == XTTS else ""
    made = model.say("Hello, this is a test.", speaker, "en", {}, 1)
    if not len(made.sound) or not abs(made.sound).max() > 0 or not (made.sound == made.sound).all():
        raise Refused("internal", f"{names[0]} says nothing")
    return {"files": {}, "voice": names[0], "seconds": len(made.sound) / model.rate, "timings": bool(made.words)}


def there(weights: Path) -> list[str]:
    """Return the names of the models that are downloaded."""
    packed = {p.with_suffix("").name for p in weights.glob("*.zip")}
    return sorted(packed | {p.parent.name for p in weights.glob("*/config.json")})


def chosen(state: State, voice: str, language: str) -> tuple[Any, Any, int]:
    """Return the model of a voice, who speaks, and how many characters are said at once.

    Raises:
        Refused: there is no such voice.
    """
    if is_sample(voice):
        model = get_model(state, XTTS)
        return model, model.speakers.of_sample(Path(voice)), model.limit(language)
    name, _, speaker = voice.partition(SPEAKER_MARK)
    if name in there(state["weights"]) and name != XTTS:
        model = get_model(state, name)
        return model, speaker, model.limit
    model = get_model(state, XTTS) if XTTS in there(state["weights"]) else None
    if model is None or voice not in model.names():
        raise Refused("options", f"the voice {voice!r} is not downloaded", "podcast voices --engine coqui shows "
                      "what there is; a voice may also be the path of a sample")  # fmt: skip
    return model, model.speakers.own(voice), model.limit(language)


def is_sample(voice: str) -> bool:
    """Tell whether a voice is a recording that is to be imitated."""
    return Path(voice).suffix.lower() in (".wav", ".flac", ".ogg", ".mp3") and Path(voice).is_file()


def get_model(state: State, name: str) -> Any:
    """Return a loaded model; the least used one is forgotten.

    Raises:
        Refused: its files are not there.
    """
    models: OrderedDict[str, Any] = state["models"]
    if name not in models:
        if name not in there(state["weights"]):
            raise Refused("options", f"{name} is not downloaded", "podcast engines repair coqui")
        models[name] = opened(state, name)
    models.move_to_end(name)
    while len(models) > KEPT:
        models.popitem(last=False)
    return models[name]


def opened(state: State, name: str) -> Any:
    """Load a model."""
    weights, device, policy = state["weights"], state["device"], state["policy"]
    if name == XTTS:
        from xtts import XttsVoice

        return XttsVoice(weights / XTTS, weights / EMBEDDINGS, device, policy)
    from vits import VitsVoice, unpacked

    folder = weights / name
    return VitsVoice(folder if folder.is_dir() else unpacked(weights / f"{name}.zip"), device, policy)


def moved(times: list[list[list]], starts: list[float]) -> list[list]:
    """Return the times of all pieces on the clock of the whole; empty if one piece has none."""
    if not all(times):
        return []
    out: list[list] = []
    for piece, start in zip(times, starts, strict=True):
        for symbol, a, b in piece:
            last = out[-1][2] if out else 0.0
            begin = max(last, a + start)
            out.append([symbol, begin, max(begin, b + start)])
    return out


def write(file: Path, sound: Any, rate: int) -> None:
    """Write mono sound as a wav file; quieter where a peak would clip."""
    peak = float(abs(sound).max())
    data = (sound * (32767 / max(1.0, peak))).round().astype("<i2").tobytes()
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(data)


if __name__ == "__main__":
    serve(load, run, verify)
