"""Write random weights for GFPGAN's worker: gfpgan_random.py FOLDER. Runs in GFPGAN's own environment.

`RestoreFormer.pth` is small, and near enough to the identity that a face stays one; `GFPGANv1.4.pth` has the size of
the real one, for its architecture has only that.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "external/gfpgan/stand_ins"))

import torch
from spandrel.architectures.GFPGAN import GFPGAN
from spandrel.architectures.RestoreFormer import RestoreFormer


def restoreformer(file: Path) -> None:
    """Write a RestoreFormer with few channels."""
    torch.manual_seed(1)
    net = RestoreFormer(n_embed=1, embed_dim=32, ch=32, ch_mult=(1, 1, 1, 1, 1, 1), num_res_blocks=1, z_channels=32,
                        head_size=8)  # fmt: skip
    torch.save(net.state_dict(), file)


def gfpgan(file: Path) -> None:
    """Write a GFPGAN."""
    torch.manual_seed(1)
    net = GFPGAN(out_size=512, num_style_feat=512, channel_multiplier=2, decoder_load_path=None, fix_decoder=False,
                 num_mlp=8, input_is_latent=True, different_w=True, narrow=1, sft_half=True)  # fmt: skip
    torch.save({"params_ema": net.state_dict()}, file)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    restoreformer(folder / "RestoreFormer.pth")
    if "--all" in sys.argv:
        gfpgan(folder / "GFPGANv1.4.pth")
