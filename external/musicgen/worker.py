"""MusicGen's worker: descriptions become music of any length, with ends that loop."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podcast_worker import Refused, serve

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"  # weights are the host's business

STANDARD = "small"
MELODY = "melody"  # the model that can follow a tune
SHORTEST = 1.0  # s

State = dict[str, Any]


def load(device: str, setup: dict[str, Any]) -> State:
    """Import what composes; a model is opened when it is first wanted, one at a time."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(int(setup.get("threads") or 1))
    return {"weights": Path(setup["weights"]), "device": device, "policy": setup.get("policy") or {},
            "name": "", "model": None}  # fmt: skip


def run(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Write a wav file for each of args["descriptions"]."""
    import torch
    from composing import Taste
    from ending import SLACK

    texts, seeds, options = args["descriptions"], args["seeds"], args.get("options") or {}
    if not texts or len(texts) != len(seeds) or not all(text.strip() for text in texts):
        raise Refused("input", "every piece of music needs a description and a seed", "write what it should sound like")
    model = get_model(state, options.get("model") or STANDARD)
    seconds = max(float(args["seconds"]), SHORTEST)
    taste = Taste(options.get("temperature") or 1.0, options.get("top_k") or 250, options.get("guidance") or 3.0)
    tune = get_tune(model, args.get("melody"))
    frames = round((seconds + SLACK) * model.pace)
    batch = max(1, 1 if model.melodic else int(options.get("batch_size") or 1))
    files = {}
    with torch.inference_mode():
        for first in range(0, len(texts), batch):
            def heard(done: int, total: int, first: int = first) -> None:
                share = (first + min(batch, len(texts) - first) * done / total) / len(texts)
                progress(share, f"{done / model.pace:.0f} of {total / model.pace:.0f} s of music")

            some = slice(first, first + batch)
            made = music(model, texts[some], seeds[some], frames, round(seconds * model.rate), taste, tune, heard)
            for number, sound in enumerate(made, first):
                write(Path(args["into"]) / f"{number}.wav", sound, model.rate)
                files[str(number)] = f"{number}.wav"
    return {"files": files, "rate": model.rate, "device": state["device"], "model": state["name"]}


def music(
    model: Any, texts: list[str], seeds: list[int], frames: int, least: int, taste: Any, tune: Any,
    progress: Callable[[int, int], None],
) -> list[Any]:
    """Return the music of some cues, composed in one pass."""
    import ending
    from composing import compose

    codes = compose(model, texts, frames, [int(seed) for seed in seeds], taste,
                    tune.at if tune else lambda start: None, progress)  # fmt: skip
    return [ending.steady(ending.cut(model.sound(cue), model.rate, least), model.rate) for cue in codes]


def verify(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Show that the engine works: the first model that is there composes a second, twice the same."""
    import numpy as np
    import torch
    from composing import Taste

    names = there(state["weights"])
    if not names:
        raise Refused("options", "no model is downloaded", "podcast engines repair musicgen")
    model = get_model(state, names[0])
    with torch.inference_mode():
        once, again = (music(model, ["calm piano"], [1], round(model.pace), model.rate, Taste(), None,
                             lambda done, total: progress(done / total))[0] for _ in range(2))  # fmt: skip
    if not np.isfinite(once).all() or not once.any():
        raise Refused("internal", f"the model {names[0]!r} composes nothing")
    return {"files": {}, "model": names[0], "seconds": len(once) / model.rate,
            "repeatable": bool(np.array_equal(once, again))}  # fmt: skip


def there(weights: Path) -> list[str]:
    """Return the names of the models that are downloaded, the standard one first."""
    return sorted((p.parent.name for p in weights.glob("*/config.json")), key=lambda name: (name != STANDARD, name))


def get_model(state: State, name: str) -> Any:
    """Return an opened model; the one before is let go first.

    Raises:
        Refused: its files are not there, or damaged.
    """
    from models import Model

    if state["name"] != name:
        state["model"], state["name"] = None, ""
        state["model"] = Model(state["weights"] / name, state["device"], state["policy"])
        state["name"] = name
    return state["model"]


def get_tune(model: Any, melody: str | None) -> Any:
    """Return the melody that is to be followed, None without one.

    Raises:
        Refused: the model follows none, or it can't be read.
    """
    if not melody:
        return None
    if not model.melodic:
        raise Refused("options", "this model does not follow a melody", f"music.musicgen.model: {MELODY}")
    from melody import Tune, read

    return Tune(read(Path(melody), model.rate), model.rate)


def write(file: Path, sound: Any, rate: int) -> None:
    """Write sound (samples, channels) as a wav file; quieter where a peak would clip."""
    if not (sound == sound).all():
        raise Refused("internal", "the music holds what is no number", "")
    data = (sound * (32767 / max(1.0, float(abs(sound).max())))).round().astype("<i2")
    with wave.open(str(file), "wb") as out:
        out.setnchannels(sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(data.tobytes())


if __name__ == "__main__":
    serve(load, run, verify)
