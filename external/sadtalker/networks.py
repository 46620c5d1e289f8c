"""Upstream's networks, built from its own classes and settings and filled from its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import upstream
import yaml
from torch import nn

# The key in the checkpoint before each network's own keys, as upstream packed them.
PREFIXES = {
    "generator": "generator.",
    "kp_detector": "kp_extractor.",
    "audio2pose": "audio2pose.",
    "audio2exp": "audio2exp.",
    "recon": "face_3drecon.",
}


@dataclass
class Networks:
    """What upstream's pipeline is made of."""

    generator: Any
    kp_detector: Any
    mapping: Any
    audio2pose: Any
    audio2exp: Any
    recon: Any


def build(source: Path, whole: bool, device: str = "cpu") -> Networks:
    """Return the networks without weights; `whole` for the modes that paste back (`full`, `extfull`)."""
    upstream.open_source(source)
    settings = source / "src" / "config"
    face = yaml.safe_load((settings / f"facerender{'_still' if whole else ''}.yaml").read_text(encoding="utf-8"))
    face = face["model_params"]
    common = face["common_params"]
    node = upstream_settings(settings / "auido2pose.yaml")
    wrapper = upstream.module("audio2exp_models.audio2exp").Audio2Exp
    made = Networks(
        upstream.module("facerender.modules.generator").OcclusionAwareSPADEGenerator(
            **face["generator_params"], **common
        ),
        upstream.module("facerender.modules.keypoint_detector").KPDetector(**face["kp_detector_params"], **common),
        upstream.module("facerender.modules.mapping").MappingNet(**face["mapping_params"]),
        upstream.module("audio2pose_models.audio2pose").Audio2Pose(node, None, device=device),
        wrapper(upstream.module("audio2exp_models.networks").SimpleWrapperV2(), None, device=device),
        upstream.module("face3d.models.networks").define_net_recon("resnet50", use_last_fc=False, init_path=""),
    )
    for network in vars(made).values():
        network.eval().requires_grad_(False)
    return made


def upstream_settings(path: Path) -> Any:
    """Return one of upstream's settings files as it wants them: keys as attributes."""
    from yacs.config import CfgNode

    with path.open(encoding="utf-8") as file:
        return CfgNode.load_cfg(file)


def load(source: Path, weights: Path, size: int, whole: bool, device: str) -> Networks:
    """Return the networks with upstream's weights, on `device`."""
    from safetensors.torch import load_file

    made = build(source, whole, device)
    checkpoint = load_file(str(weights / "checkpoints" / f"SadTalker_V0.0.2_{size}.safetensors"))
    for name, prefix in PREFIXES.items():
        network = getattr(made, name)
        target = network.netG if name == "audio2exp" else network
        target.load_state_dict({k[len(prefix) :]: v for k, v in checkpoint.items() if k.startswith(prefix)})
    made.mapping.load_state_dict(load_mapping(mapping_file(weights, whole)))
    for network in vars(made).values():
        network.to(device)
    return made


def mapping_file(weights: Path, whole: bool) -> Path:
    """Return the checkpoint of the network that turns coefficients into key points."""
    return weights / "checkpoints" / f"mapping_{'00109' if whole else '00229'}-model.pth.tar"


def load_mapping(path: Path) -> Any:
    """Return the mapping network's weights; only tensors are unpickled."""
    return torch.load(path, map_location="cpu", weights_only=True)["mapping"]


def fold_spectral_norm(network: nn.Module) -> None:
    """Write spectral norms into the weights: the same values, not computed anew for every frame."""
    from torch.nn.utils import remove_spectral_norm

    for part in network.modules():
        if "weight_orig" in part._parameters:
            remove_spectral_norm(part)


def mend_types() -> None:
    """Let `x.type("torch.mps.FloatTensor")` work: upstream asks for types by name, and PyTorch has no such name."""
    original = torch.Tensor.type

    def patched(self: torch.Tensor, wanted: Any = None, *given: Any, **named: Any) -> Any:
        if isinstance(wanted, str) and wanted.startswith("torch.mps."):
            return self.to(device="mps", dtype=torch.float16 if "Half" in wanted else torch.float32)
        return original(self, *([] if wanted is None else [wanted]), *given, **named)

    torch.Tensor.type = patched  # type: ignore[method-assign]
