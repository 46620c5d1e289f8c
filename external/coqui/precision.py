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
        return made.float() if isinstance(made, torch.Tensor) and made.is_floating_point() else made

    module.forward = forward  # type: ignore[method-assign]


def convert(module: nn.Module, device: str, policy: dict[str, Any]) -> None:
    """Keep a transformer's weights as the policy says; what goes in and comes out stays in single precision.

    Converting them for each token, as `apply` would, costs more than half precision gains.
    """
    wanted = kind(device, policy)
    if wanted is None:
        return
    module.to(wanted)
    inner = module.forward

    def cast(value: Any) -> Any:
        return value.to(wanted) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def forward(*args: Any, **more: Any) -> Any:
        made = inner(*map(cast, args), **{name: cast(value) for name, value in more.items()})
        made.last_hidden_state = made.last_hidden_state.float()
        return made

    module.forward = forward  # type: ignore[method-assign]
    module.h[0].register_forward_pre_hook(lambda _, args: tuple(map(cast, args)))  # positions were added before it
