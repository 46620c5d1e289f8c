"""The networks that restore a face, opened through spandrel, which knows them by the names of their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from podcast_worker import Refused

KNOWN = ("GFPGAN", "RestoreFormer")  # spandrel's names
REPAIR = "podcast engines repair gfpgan"


class Restorer:
    """A network on its device.

    Args:
        file: its weights.
        device: "cuda:0", "mps", "cpu".
        policy: precision, memory format, TF32, compilation.
    """

    def __init__(self, file: Path, device: str, policy: dict[str, Any]) -> None:
        found = _open(file)
        self.kind = found.architecture.id
        half = policy.get("precision") == "bfloat16" and found.supports_bfloat16  # neither knows float16: it overflows
        self.dtype = torch.bfloat16 if half else torch.float32
        layout = torch.channels_last if policy.get("channels_last") else torch.contiguous_format
        self.device, self.layout = device, layout
        if device.startswith("cuda"):
            torch.backends.cudnn.benchmark = bool(policy.get("cudnn_benchmark"))
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = bool(policy.get("tf32"))
        self.net = found.model.eval().requires_grad_(False).to(device, self.dtype).to(memory_format=layout)
        self.call = torch.compile(self.net) if policy.get("compile") else self.net
        # GFPGAN's own noise is drawn anew for every picture unless it is told not to: skin would boil.
        self.told = {"return_rgb": False, "randomize_noise": False} if self.kind == "GFPGAN" else {}

    @torch.inference_mode()
    def restore(self, faces: np.ndarray) -> np.ndarray:
        """Return aligned faces restored, both float32 (n, 512, 512, 3), RGB, 0 to 1."""
        given = torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).to(self.device)
        given = (given * 2 - 1).to(self.dtype).contiguous(memory_format=self.layout)  # both learned from -1 to 1
        made = self.call(given, **self.told)[0].float()
        if not torch.isfinite(made).all():
            raise Refused("internal", "the restored face holds what is no number")
        return ((made.clamp(-1, 1) + 1) / 2).permute(0, 2, 3, 1).cpu().numpy()


def _open(file: Path) -> Any:
    import spandrel

    if not file.is_file():
        raise Refused("options", f"the weights {file.name} are not there", REPAIR)
    try:
        found = spandrel.ModelLoader().load_from_file(file)
    except spandrel.UnsupportedModelError as error:
        raise Refused("options", f"{file.name} holds no network for faces", REPAIR) from error
    except MemoryError:
        raise
    except Exception as error:  # pickle, zip, shapes: damaged files fail in many ways
        if "memory" in str(error).lower():
            raise
        said = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise Refused("options", f"the weights {file.name} are damaged: {said}", REPAIR) from error
    if found.architecture.id not in KNOWN:
        raise Refused("options", f"{file.name} is a {found.architecture.id}, not one for faces", REPAIR)
    return found
