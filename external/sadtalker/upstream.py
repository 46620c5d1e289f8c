"""The pinned upstream, imported as it is: what it asks of packages that we leave out is lent to it here.

Upstream was written for packages of 2022, some of which no longer install (torchvision's old names, basicsr, gfpgan)
and some of which are heavy for what is used of them (librosa, kornia, scikit-image). Nothing of upstream is edited:
before its modules are imported, small stand-ins with the same names take the place of what is missing.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import spectrum
from PIL import Image


def open_source(source: Path) -> None:
    """Make upstream's modules (`src.…`) importable from the folder `source`."""
    if str(source) not in sys.path:
        sys.path.insert(0, str(source))
    _restore_names()
    if importlib.util.find_spec("librosa") is None:
        _lend("librosa", filters=_lend("librosa.filters", mel=spectrum.mel_filters), stft=spectrum.stft)
    if importlib.util.find_spec("kornia") is None:
        _lend("kornia", geometry=_lend("kornia.geometry", warp_affine=_absent))
    if importlib.util.find_spec("skimage") is None:
        _lend("skimage", transform=_lend("skimage.transform", resize=_absent))


def module(name: str) -> Any:
    """Return one of upstream's modules, for example `module("facerender.modules.generator")`."""
    return importlib.import_module(f"src.{name}")


def open_detectors(weights: Path) -> None:
    """Make `facexlib.detection` and `facexlib.alignment` importable, with their weights from the folder `weights`.

    The package's own `__init__` imports trackers and recognisers with dependencies of their own; only what upstream
    uses is imported. torchvision is lent: a ResNet-50 (upstream has one), the layers of a network, and the
    suppression of overlapping boxes.
    """
    if "facexlib" in sys.modules:
        return
    found = importlib.util.find_spec("facexlib")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("facexlib is not part of this environment")
    _lend("facexlib", utils=_lend("facexlib.utils", load_file_from_url=lambda url, **_: str(weights / Path(url).name)))
    sys.modules["facexlib"].__path__ = list(found.submodule_search_locations)
    if importlib.util.find_spec("torchvision") is None:
        _lend_torchvision()


def _lend_torchvision() -> None:
    resnet = module("face3d.models.networks").resnet50
    models = _lend("torchvision.models", resnet50=lambda pretrained=False: resnet(use_last_fc=True))
    models._utils = _lend("torchvision.models._utils", IntermediateLayerGetter=_layers())
    _lend("torchvision", models=models, ops=_lend("torchvision.ops", nms=_suppress))


def _layers() -> type:
    """Return a class that gives the outputs of named layers, the other layers being run in order."""
    from torch import nn

    class Layers(nn.ModuleDict):
        def __init__(self, network: nn.Module, wanted: dict[str, Any]) -> None:
            last = max(index for index, (name, _) in enumerate(network.named_children()) if name in wanted)
            super().__init__(dict(list(network.named_children())[: last + 1]))
            self.wanted = dict(wanted)

        def forward(self, x: Any) -> dict[Any, Any]:
            outputs = {}
            for name, layer in self.items():
                x = layer(x)
                if name in self.wanted:
                    outputs[self.wanted[name]] = x
            return outputs

    return Layers


def _suppress(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Return the indices of the boxes that are kept, the best first: greedy, by overlap over union."""
    import torch

    order = scores.argsort(descending=True)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        corner = torch.maximum(boxes[best, :2], boxes[order, :2])
        sides = (torch.minimum(boxes[best, 2:], boxes[order, 2:]) - corner).clamp(min=0)
        overlap = sides.prod(1)
        order = order[overlap / (area[best] + area[order] - overlap) <= iou_threshold]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.long)


def _restore_names() -> None:
    """Give back names that later versions of NumPy and Pillow dropped."""
    if not hasattr(np, "VisibleDeprecationWarning"):
        np.VisibleDeprecationWarning = np.exceptions.VisibleDeprecationWarning
    if not hasattr(Image, "ANTIALIAS"):
        Image.ANTIALIAS = Image.LANCZOS
    for name, kind in (("float", float), ("int", int), ("bool", bool)):
        if name not in np.__dict__:
            setattr(np, name, kind)


def _lend(name: str, **content: Any) -> Any:
    stand_in = types.ModuleType(name)
    stand_in.__dict__.update(content)
    stand_in.__path__ = []
    stand_in.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    sys.modules[name] = stand_in
    return stand_in


def _absent(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("this part of upstream is not used here")
