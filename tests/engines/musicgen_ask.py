"""Ask pieces of MusicGen's engine: ENGINE INSIDE QUESTION [GIVEN]. The answer is the last line on standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = sys.argv[1:3]

import numpy as np  # noqa: E402
import torch  # noqa: E402

TEXT, FRAMES, RATE, BEAT = "calm piano", 60, 32000, 0.6
SECONDS, LEAST = 17.3, 15.2  # s of music, and of what must remain


def tones(file: str) -> list[int]:
    """Return how many tones a window has, and those after 1, 3, 5 and 7 s."""
    from melody import HOP, Tune, read

    found = Tune(read(Path(file), RATE), RATE).at(0.0)
    return [len(found), *(int(found[round(s * RATE / HOP)].argmax()) for s in (1, 3, 5, 7))]


def generation(weights: str) -> dict[str, bool]:
    """Tell whether our composing gives the codes of the models' own generation, greedily."""
    with torch.inference_mode():
        return {name: _same(Path(weights, name)) for name in ("small", "stereo-small", "melody")}


def _same(folder: Path) -> bool:
    from composing import Taste, compose
    from models import Model

    model = Model(folder, "cpu", {})
    heard: list[torch.Tensor] = []
    decode = model.net.audio_encoder.decode

    def listening(codes: torch.Tensor, *given: Any, **more: Any) -> Any:
        heard.append(codes)
        return decode(codes, *given, **more)

    ours = compose(model, [TEXT], FRAMES, [1], Taste(top_k=1))[0]
    model.net.audio_encoder.decode = listening
    own = model.net.generation_config
    own.pad_token_id = own.decoder_start_token_id = own.bos_token_id = model.pad
    ids = torch.tensor([model.tokenizer.encode(TEXT).ids])
    behind = model.books // model.channels - 1
    model.net.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, guidance_scale=3.0,
                       max_new_tokens=FRAMES + behind)  # fmt: skip
    theirs = torch.stack([codes[0, 0] for codes in heard], 1).flatten(0, 1)
    return theirs.shape == ours.shape and len(ours.unique()) > 5 and torch.equal(theirs, ours)


def ends() -> dict[str, float]:
    """Cut music with a beat, and steady a fade-out."""
    import ending

    t = np.arange(round(SECONDS * RATE)) / RATE
    noise = np.random.default_rng(1).normal(size=len(t))
    music = (noise * np.exp(-12 * (t % BEAT)) * 0.3).astype(np.float32)[:, None]
    fade = music * np.clip((SECONDS - t) / ending.OVERLAP, 0.55, 1).astype(np.float32)[:, None]
    flat = ending.steady(fade, RATE)
    made = ending.cut(music, RATE, round(LEAST * RATE))
    beats = (len(made) / RATE - ending.OVERLAP) / BEAT
    return {"seconds": len(made) / RATE, "off": abs(beats - round(beats)) * BEAT, "faded": _fall(fade),
            "steady": _fall(flat)}  # fmt: skip


def _fall(sound: np.ndarray) -> float:
    """Return how much louder the last second is than what was before, in dB."""
    last, before = sound[-RATE:], sound[8 * RATE : 14 * RATE]
    return float(10 * np.log10((last**2).mean() / (before**2).mean()))


print(json.dumps({"tones": tones, "generation": generation, "ends": ends}[sys.argv[3]](*sys.argv[4:])), file=sys.stderr)
