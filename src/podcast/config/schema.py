"""Everything that can be set, section by section, with its defaults; no other key is known."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_COLOUR = r"^#[0-9a-fA-F]{6}$"
_RATES = (24, 25, 30, 50, 60)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SpeakerConfig(_Section):
    """A speaker known to every script."""

    name: str | None = None
    voice: str | None = None
    avatar: str | None = None
    language: str | None = None


class TtsConfig(_Section):
    """Narration."""

    engine: str = "auto"
    voice: str | None = None
    rate: float = Field(1.0, ge=0.5, le=2.0)
    pause: float = Field(1.0, ge=0.2, le=3.0)
    lexicon: dict[str, str] = {}
    fallback: Literal["espeak", "none"] = "espeak"
    espeak: dict[str, Any] = {}
    piper: dict[str, Any] = {}
    coqui: dict[str, Any] = {}
    gtts: dict[str, Any] = {}


class MusicConfig(_Section):
    """Music."""

    engine: str = "auto"
    enabled: bool = True
    description: str = "warm, gentle, unobtrusive background"
    file: Path | None = None
    level_db: float = Field(-3.0, ge=-40, le=12)
    ducking: bool = True
    duck_db: float = Field(13.0, ge=0, le=40)
    seed: int = Field(0, ge=0)
    fallback: Literal["composer", "none"] = "composer"
    composer: dict[str, Any] = {}
    musicgen: dict[str, Any] = {}


class MixConfig(_Section):
    """Mastering."""

    loudness: float = Field(-16.0, ge=-31, le=-9)
    bitrate: int = Field(384_000, ge=96_000, le=512_000)


class SadTalkerConfig(_Section):
    """The renderer SadTalker (an engine to install; without it the built-in renderer is used)."""

    size: int = 256
    enhancer: Literal["none", "gfpgan"] = "none"
    preprocess: Literal["crop", "extcrop", "resize", "full", "extfull"] = "crop"
    still: bool = False
    pose_style: int = Field(0, ge=0, le=45)
    expression_scale: float = Field(1.0, gt=0, le=3)
    batch_size: int = Field(2, ge=1)
    ref_eyeblink: Path | None = None
    ref_pose: Path | None = None


class AvatarConfig(_Section):
    """Presenters."""

    engine: str = "puppet"
    enabled: bool = False
    source_image: Path | None = None
    host: str | None = None
    fallback: Literal["puppet", "none"] = "puppet"
    face: int | None = Field(None, ge=1)
    background: Literal["replace", "keep", "blur"] = "replace"
    framing: Literal["head", "bust", "full"] = "bust"
    motion: str = "idle"
    energy: float = Field(1.0, ge=0, le=1.5)
    enhancer: str = "none"
    gfpgan: dict[str, Any] = {}
    sadtalker: SadTalkerConfig = SadTalkerConfig()


class VideoConfig(_Section):
    """The picture."""

    resolution: str = "1920x1080"
    fps: int = 25
    encoder: str = "auto"
    ffmpeg: str | None = None
    quality: float = Field(20.0, ge=10, le=40)
    layout: Literal["auto", "cards", "spotlight"] = "auto"
    background: str = "studio"
    accent: str = Field("#f2a541", pattern=_COLOUR)
    font: Path | None = None
    captions: Literal["burn", "file", "off"] = "burn"
    title_card: bool = True
    outro_card: bool = True
    lower_third: bool = True
    watermark: Path | None = None
    watermark_position: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-right"
    watermark_opacity: float = Field(0.8, gt=0, le=1)
    cover: Path | None = None
    intro: Path | None = None
    outro: Path | None = None

    @field_validator("fps")
    @classmethod
    def _known_rate(cls, fps: int) -> int:
        if fps not in _RATES:
            raise ValueError(f"must be one of {', '.join(map(str, _RATES))}")
        return fps

    @field_validator("resolution")
    @classmethod
    def _known_size(cls, text: str) -> str:
        width, height = parse_size(text)
        if width % 2 or height % 2 or not (160 <= width <= 3840 and 160 <= height <= 3840):
            raise ValueError("must be WIDTHxHEIGHT, both even, from 160 to 3840")
        return text

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return parse_size(self.resolution)

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.fps)


class VisualizationConfig(_Section):
    """The picture of the sound."""

    enabled: bool = False
    style: Literal["waveform", "bars", "circular"] = "waveform"
    color: str | None = Field(None, pattern=_COLOUR)
    thickness: float = Field(1.0, ge=0.2, le=4)
    position: Literal["auto", "top", "bottom"] = "auto"
    opacity: float = Field(0.9, gt=0, le=1)


class PublishConfig(_Section):
    """What goes with the video."""

    author: str = ""
    show: str = ""
    audio: Literal["mp3", "m4a", "wav", "flac"] = "mp3"
    thumbnail: bool = True
    transcript: bool = True
    disclosure: bool = False


class GpuConfig(_Section):
    """On which device engines work, and what happens if the card does no work."""

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    on_silent_cpu: Literal["warn", "fallback", "fail"] = "warn"
    require: bool = False


class CacheConfig(_Section):
    """Finished work that is kept."""

    max_gb: float = Field(20.0, ge=0.1)


class Config(_Section):
    """Everything that can be set."""

    tts: TtsConfig = TtsConfig()
    speakers: dict[str, SpeakerConfig] = {}
    music: MusicConfig = MusicConfig()
    mix: MixConfig = MixConfig()
    avatar: AvatarConfig = AvatarConfig()
    video: VideoConfig = VideoConfig()
    visualization: VisualizationConfig = VisualizationConfig()
    publish: PublishConfig = PublishConfig()
    gpu: GpuConfig = GpuConfig()
    cache: CacheConfig = CacheConfig()
    engines: dict[str, dict[str, Any]] = {}
    commercial_safe: bool = False
    rights_confirmed: bool = False
    data: Path = Path("data")
    workers: int | Literal["auto"] = "auto"
    engines_path: tuple[Path, ...] = ()

    @field_validator("engines_path", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | Path) else value

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, data: Any) -> Any:
        # "tts:" with every line below it commented out is YAML's null; it means the defaults.
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "1440p": (2560, 1440), "4k": (3840, 2160),
          "vertical": (1080, 1920), "square": (1080, 1080)}


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) from "1920x1080", "1080p", "vertical" or "square".

    Raises:
        ValueError: it is none of these.
    """
    named = _SIZES.get(text.strip().lower())
    if named:
        return named
    match = re.fullmatch(r"\s*(\d{2,5})\s*[xX×*:]\s*(\d{2,5})\s*", text)
    if not match:
        raise ValueError(f"must be WIDTHxHEIGHT or one of {', '.join(_SIZES)}")
    return int(match[1]), int(match[2])
