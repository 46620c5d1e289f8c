"""GFPGAN's worker: the face of a clip becomes clearer, everything else keeps its bytes until it is encoded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from podcast_worker import Refused, serve

sys.path.insert(0, str(Path(__file__).with_name("stand_ins")))

FILES = {"gfpgan": "GFPGANv1.4.pth", "restoreformer": "RestoreFormer.pth"}
STANDARD = "gfpgan"
MADE = "enhanced.mp4"

State = dict[str, Any]


def load(device: str, setup: dict[str, Any]) -> State:
    """Import what restores; a network is opened when it is first wanted, one at a time."""
    import cv2
    import torch

    threads = int(setup.get("threads") or 1)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return {"weights": Path(setup["weights"]), "device": device, "policy": setup.get("policy") or {},
            "name": "", "net": None}  # fmt: skip


def run(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Enhance args["video"], in which args["landmarks"] tell where the face is."""
    import alignment
    from clip import Reader, frame_of, writer_like

    options, points = args.get("options") or {}, args.get("landmarks")
    if points is None:
        raise Refused("input", "nobody told where the face is", "")
    strength = float(1.0 if options.get("strength") is None else options["strength"])
    net = get_net(state, options.get("model") or STANDARD)
    reader = Reader(Path(args["video"]))
    track = alignment.follow(points, reader.rate)
    made = Path(args["into"]) / MADE
    with writer_like(made, reader) as out:
        for planes in enhanced(reader, track, net, strength, int(options.get("batch_size") or 1)):
            out.add(frame_of(planes))
            progress(out.count / len(points), f"frame {out.count} of {len(points)}")
    if out.count != len(points):
        raise Refused("input", f"the clip has {out.count} frames, places of the face were given for {len(points)}")
    return {"files": {"video": MADE}, "device": state["device"], "model": state["name"],
            "faces": int((track.weights > 0).sum())}  # fmt: skip


def enhanced(reader: Any, track: Any, net: Any, strength: float, batch: int) -> Iterator[Any]:
    """Yield the frames with better faces; `batch` of them are in memory."""
    import numpy as np
    import paste

    change, waiting = paste.Change(), []

    def done() -> Iterator[Any]:
        seen = [(planes, n, paste.cut(planes, track.places[n], reader.bt709)) for planes, n in waiting if shown(n)]
        better = iter(net.restore(np.stack([face for _, _, face in seen])) if seen else ())
        faces = {n: face for _, n, face in seen}
        for planes, n in waiting:
            if n in faces:
                more = change.next(faces[n], next(better)) * np.float32(strength * track.weights[n])
                paste.add(planes, more, track.places[n], reader.bt709)
            else:
                change.forget()
            yield planes
        waiting.clear()

    def shown(n: int) -> bool:
        return strength > 0 and n < len(track.weights) and track.weights[n] > 0

    for number, planes in enumerate(reader):
        waiting.append((planes, number))
        if len(waiting) == batch:
            yield from done()
    yield from done()


def verify(state: State, args: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Show that the engine works: the first network that is there restores a grey square, twice the same."""
    import numpy as np
    from alignment import SIDE

    names = there(state["weights"])
    if not names:
        raise Refused("options", "no weights are downloaded", "podcast engines repair gfpgan")
    net = get_net(state, names[0])
    square = np.full((1, SIDE, SIDE, 3), 0.5, np.float32)
    once = net.restore(square)
    progress(0.5)
    return {"files": {}, "model": names[0], "repeatable": bool(np.array_equal(once, net.restore(square)))}


def there(weights: Path) -> list[str]:
    """Return the names of the networks that are downloaded."""
    return [name for name, file in FILES.items() if (weights / file).is_file()]


def get_net(state: State, name: str) -> Any:
    """Return an opened network; the one before is let go first.

    Raises:
        Refused: there is no such network, or its weights are missing or damaged.
    """
    from networks import Restorer

    if name not in FILES:
        raise Refused("options", f"there is no model {name!r}", f"there are {' and '.join(FILES)}")
    if state["name"] != name:
        state["net"], state["name"] = None, ""
        state["net"] = Restorer(state["weights"] / FILES[name], state["device"], state["policy"])
        state["name"] = name
    return state["net"]


if __name__ == "__main__":
    serve(load, run, verify)
