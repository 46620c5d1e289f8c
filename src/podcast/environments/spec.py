"""The nouns of installed engines: the pins, and their realisation on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

EngineKind = Literal["speech", "music", "avatar", "enhancer"]


@dataclass(frozen=True)
class WeightFile:
    """A file of weights: where it comes from and what it must be."""

    path: str  # below data/weights/<engine>/
    urls: tuple[str, ...]
    size: int | None = None  # bytes; None: not known before the first download
    sha256: str | None = None  # None: not verified, the first download records it
    when: tuple[tuple[str, Any], ...] = ()  # options with which it is needed; empty: always


@dataclass(frozen=True)
class EngineVoice:
    """A voice of a speech engine, with the files that it alone needs."""

    name: str
    language: str = ""  # BCP 47; empty: any that the engine speaks
    gender: Literal["female", "male", ""] = ""
    about: str = ""
    licence: str = ""  # of its weights; empty: as the engine's
    commercial: bool = True  # may what it says be used commercially
    weights: tuple[WeightFile, ...] = ()


@dataclass(frozen=True)
class Option:
    """An option of an engine, as its manifest declares it."""

    type: Literal["string", "integer", "number", "boolean"]
    default: Any = None
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    help: str = ""


@dataclass(frozen=True)
class Variant:
    """One of an engine's environments, as pinned."""

    name: str  # "modern", "legacy"
    python: str  # "3.11"
    lock: Path
    devices: tuple[str, ...] = ("cpu",)  # of "cuda", "mps", "cpu"
    disk: int = 0  # bytes that it takes
    index: str = ""  # URL of a further package index, such as one of CPU builds


@dataclass(frozen=True)
class Licences:
    """Under which terms an engine may be used."""

    code: str  # SPDX
    weights: str = ""
    commercial: bool = True  # may what it makes be used commercially
    note: str = ""


@dataclass(frozen=True)
class EngineSpec:
    """The pins of an engine: its engine.yaml."""

    name: str
    kind: EngineKind
    version: str
    summary: str
    licence: Licences
    folder: Path  # that holds engine.yaml
    variants: tuple[Variant, ...]
    worker: Path
    upstream_url: str = ""
    upstream_commit: str = ""  # 40 hex digits
    weights: tuple[WeightFile, ...] = ()
    needs: tuple[str, ...] = ()  # operator families that the proof tries
    precisions: tuple[str, ...] = ("float32",)
    options: Mapping[str, Option] | None = None
    languages: tuple[str, ...] = ()
    timings: bool = False
    stall: float = 300.0  # s without progress after which its worker is taken for hung
    upstream_tree: str = ""  # git's hash of the commit's files: a copy without history is checked by it
    upstream_archive: str = ""  # URL of the commit's files, for machines without git
    upstream_archive_sha256: str = ""
    upstream_paths: tuple[str, ...] = ()  # folders and files of upstream that are needed; empty: all
    secrets: tuple[str, ...] = ()  # environment variables that its worker gets besides the harmless ones
    voices: tuple[EngineVoice, ...] = ()  # of a speech engine, the recommended ones first in each language
    runtime: Literal["torch", "onnxruntime"] = "torch"  # what computes, and what the proof tries
    memory: str = ""  # what it takes of a card or of the machine, in words
    tested: str = ""  # with what it was tried
    clones: bool = False  # a voice may also be the path of a wav file, whose speaker is imitated


@dataclass(frozen=True)
class Environment:
    """An installed engine: the realisation of its pins."""

    spec: EngineSpec
    variant: Variant
    digest: str  # SHA-256 of everything that it was made from
    folder: Path
    python: Path  # the interpreter
    source: Path | None  # upstream at the pinned commit
    weights: Path  # folder of the weights
