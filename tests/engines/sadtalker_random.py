"""Checkpoints with upstream's names and shapes and no knowledge: random weights, for tests without the real ones.

    PYTHON_OF_THE_ENVIRONMENT sadtalker_random.py SOURCE INTO [--steps N] [--size 256]

With --steps the generator first learns for N steps to draw upstream's example pictures, so that it makes pictures
and not noise: what half precision and quantisation cost can only be judged on those.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "external" / "sadtalker"))

import networks
import numpy as np
import torch
import upstream
from PIL import Image
from torch.nn import functional

SEED = 0
CROP = 128  # px: the generator has no fixed size, and a small picture is learnt from four times as fast


def settle_spectral_norms(network: torch.nn.Module, rounds: int = 15) -> None:
    """Let the estimated norms converge, as they have in trained weights."""
    for module in network.modules():
        for hook in module._forward_pre_hooks.values():
            if type(hook).__name__ == "SpectralNorm":
                for _ in range(rounds):
                    hook.compute_weight(module, do_power_iteration=True)


def liven(made: networks.Networks) -> None:
    """Give the statistics and the last layers values under which pictures, motion and masks vary."""
    with torch.no_grad():
        settle_spectral_norms(made.generator)
        for network in (made.generator, made.kp_detector):
            for module in network.modules():
                if "BatchNorm" in type(module).__name__:
                    module.running_mean.normal_(0, 0.1)
                    module.running_var.uniform_(0.5, 1.5)
        made.mapping.fc_exp.weight.mul_(0.2)
        made.generator.dense_motion_network.mask.weight.mul_(10)
        made.kp_detector.kp.weight.mul_(30)
        made.generator.decoder.conv_img.weight.mul_(4)


def pictures(source: Path, side: int) -> torch.Tensor:
    """Return upstream's example pictures, the middle square of each: (N, 3, side, side), 0 to 1."""
    found = []
    for path in sorted((source / "examples" / "source_image").iterdir()):
        picture = Image.open(path).convert("RGB")
        short = min(picture.size)
        left, top = (picture.width - short) // 2, (picture.height - short) // 4
        picture = picture.crop((left, top, left + short, top + short)).resize((side, side), Image.LANCZOS)
        found.append(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255)
    return torch.from_numpy(np.stack(found))


def learn(made: networks.Networks, source: Path, steps: int) -> None:
    """Teach the generator to draw the example pictures near rest, patch by patch."""
    generator = made.generator
    shown = pictures(source, 256)
    taught = [p for part in (generator.decoder, generator.third, generator.fourth) for p in part.parameters()]
    for parameter in taught:
        parameter.requires_grad_(True)
    adam = torch.optim.Adam(taught, lr=4e-4, betas=(0.5, 0.9))
    chance = np.random.default_rng(SEED)
    with torch.no_grad():
        points = [made.kp_detector(picture[None])["value"] for picture in shown]
    for step in range(steps):
        x, y = chance.integers(0, 256 - CROP, 2)
        index = chance.integers(len(shown))
        picture = shown[index][None, :, y : y + CROP, x : x + CROP]
        moved = points[index] + torch.randn_like(points[index]) * 0.01
        with torch.autocast("cpu", dtype=torch.bfloat16):
            at = {"kp_source": {"value": points[index]}, "kp_driving": {"value": moved}}
            drawn = generator(picture, **at)["prediction"]
        loss = functional.l1_loss(drawn.float(), picture)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 10 == 9:
            print(f"step {step}: {loss.item():.4f}  {time.process_time():.0f} s", flush=True)
    for parameter in taught:
        parameter.requires_grad_(False)
    settle_spectral_norms(generator)


def write(made: networks.Networks, into: Path, size: int, whole: bool) -> None:
    """Write the checkpoints under upstream's names."""
    from safetensors.torch import save_file

    folder = into / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, prefix in networks.PREFIXES.items():
        network = getattr(made, name)
        network = network.netG if name == "audio2exp" else network
        tensors.update({prefix + key: value.clone().contiguous() for key, value in network.state_dict().items()})
    save_file(tensors, str(folder / f"SadTalker_V0.0.2_{size}.safetensors"))
    torch.save({"mapping": made.mapping.state_dict(), "epoch": 0}, networks.mapping_file(into, whole))


def write_detectors(into: Path) -> None:
    """Write random weights of the face detector and of the landmark network."""
    folder = into / "gfpgan" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    upstream.open_detectors(folder)
    from facexlib.detection.retinaface import RetinaFace

    torch.save(RetinaFace(network_name="resnet50", device="cpu").state_dict(), folder / "detection_Resnet50_Final.pth")
    landmarks = upstream.module("face3d.util.my_awing_arch").FAN(num_modules=4, num_landmarks=98, device="cpu")
    torch.save({"state_dict": landmarks.state_dict()}, folder / "alignment_WFLW_4HG.pth")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("source", type=Path)
    reader.add_argument("into", type=Path)
    reader.add_argument("--steps", type=int, default=0)
    reader.add_argument("--size", type=int, default=256)
    reader.add_argument("--threads", type=int, default=1, help="more only slow each other down at this size")
    given = reader.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(given.threads)
    made = networks.build(given.source, whole=False)
    liven(made)
    if given.steps:
        learn(made, given.source, given.steps)
    write(made, given.into, given.size, whole=False)
    torch.manual_seed(SEED + 1)
    still = networks.build(given.source, whole=True)
    liven(still)
    torch.save({"mapping": still.mapping.state_dict(), "epoch": 0}, networks.mapping_file(given.into, whole=True))
    write_detectors(given.into)


if __name__ == "__main__":
    main()
