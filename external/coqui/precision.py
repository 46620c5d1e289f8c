"""Half precision and compilation of the parts of a model that bear them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def kind(device: str, policy: dict[str, Any]) -> torch.dtype | None:
    """Return the type that a policy asks for, None for single precision."""
    wanted = TYPES.get(policy.get("precision", ""))
    if wanted is torch.float16 and device == "cpu":
        return None  # processors emulate it
    return wanted


def apply(module: nn.Module, device: str, policy: dict[str, Any]) -> None:
    """Let a module compute as the policy says; what goes in and comes out stays in single precision."""
    if device.startswith("cuda") and policy.get("tf32"):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    if policy.get("compile"):
        module.compile(dynamic=True)
    wanted = kind(device, policy)
    if wanted is None:
        return
    inner = module.forward

    def forward(*args: Any, **more: Any) -> Any:
        with torch.autocast(device.split(":")[0], wanted):
            made = inner(*args, **more)
        if hasattr(made, "logits"):
            made.logits = made.logits.float()  # what is drawn from is exact
        return made.float() if isinstance(made, torch.Tensor) and made.is_floating_point() else made

    module.forward = forward  # type: ignore[method-assign]
