"""An environment put to the test: its operators on a device, and its worker at a small job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from podcast import device, proof
from podcast.environments.interpreters import environment_variables
from podcast.environments.spec import Environment
from podcast.environments.worker import Setup, Worker


def present_device(devices: Sequence[str] = ("cuda", "mps", "cpu")) -> str:
    """Return the device to use where nobody chose one: the GPU that a driver presents, else "cpu"."""
    return proof.choose("auto", proof.open_reader().cards(), devices)


def cards() -> str:
    """Return which cards and driver this machine has."""
    return json.dumps([[card.name, card.uuid, card.driver] for card in proof.open_reader().cards()])


def prove_environment(
    env: Environment, asked: str, refresh: bool = False, reader: proof.CardReader | None = None
) -> proof.Proof:
    """Return what a device does in an environment; an engine that needs no operators has nothing to prove.

    Args:
        env: the environment.
        asked: "auto", "cuda", "mps" or "cpu".
        refresh: try, whatever was found earlier.
        reader: the driver's view of the cards; None: NVML.
    """
    if not env.spec.needs:
        return proof.Proof(asked, "cpu", "cpu", f"{env.spec.name} runs on the processor", "", "certain")
    return proof.prove(env.python, env.spec, asked, digest=env.digest, folder=env.folder,
                       devices=env.variant.devices, environment=environment_variables(), refresh=refresh, reader=reader)


def check_worker(env: Environment, on: str) -> None:
    """Let an engine's worker load its models and do its own small test.

    Args:
        env: the environment.
        on: the device, as a proof names it ("cuda:0", "mps", "cpu").

    Raises:
        EngineError: it does not answer, or fails.
    """
    with Worker(env, Setup(on, device.processors()), logs=Path(env.folder) / "logs") as worker:
        worker.verify()
