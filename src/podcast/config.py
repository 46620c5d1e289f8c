"""The configuration: strict, every key known; defaults that need no file."""

from __future__ import annotations

import copy
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from podcast.errors import ConfigError
from podcast.paths import beside

FILE_NAME = "config.yaml"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
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


@dataclass(frozen=True)
class Loaded:
    """A configuration, where it came from, and the secrets that it took from the environment."""

    config: Config
    folder: Path  # relative paths in the file are meant from here
    file: Path | None
    secrets: frozenset[str]
    raw: Mapping[str, Any]  # what the file says
    settings: tuple[tuple[str, Any], ...]  # what the command line says

    def refined(self, settings: Iterable[tuple[str, Any]], where: str) -> Config:
        """Return the configuration for one script: its own settings win over the file, not over the command line.

        Raises:
            ConfigError: the script's settings are wrong.
        """
        raw = copy.deepcopy(dict(self.raw))
        for key, value in settings:
            _put(raw, key, value)
        check(raw, where, self.folder)  # blames the script, not the command line
        for key, value in self.settings:
            _put(raw, key, value)
        return check(raw, where, self.folder)


def load_config(file: Path | None, settings: Iterable[tuple[str, Any]] = ()) -> Loaded:
    """Read config.yaml (the given one, else the one in this folder, else the defaults) and apply settings.

    Args:
        file: a configuration file; None: `config.yaml` here, if there is one.
        settings: (dotted key, value) that win over the file, for example ("video.fps", "30").

    Raises:
        ConfigError: an unknown key, a value that does not fit, no such file, invalid YAML, an unset variable.
    """
    if file is None and Path(FILE_NAME).is_file():
        file = Path(FILE_NAME)
    where, secrets, settings = str(file or "config"), set[str](), tuple(settings)
    raw = _expand(_read_yaml(file) if file else {}, where, secrets)
    folder = (file.parent if file else Path()).absolute()
    merged = copy.deepcopy(raw)
    for key, value in settings:
        _put(merged, key, value)
    return Loaded(check(merged, where, folder), folder, file, frozenset(secrets), raw, settings)


def check(raw: Mapping[str, Any], where: str, folder: Path) -> Config:
    """Return the configuration that plain data describes; relative paths are meant from `folder`.

    Raises:
        ConfigError: the first thing that is wrong, with its key.
    """
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, where) from error
    return _anchor(config, folder)


def _anchor(config: Config, folder: Path) -> Config:
    """Return the configuration with absolute paths."""
    def absolute(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    def files(section: SpeakerConfig | TtsConfig, *keys: str) -> dict[str, str]:
        return {key: beside(folder, name) for key in keys if (name := getattr(section, key))}

    video = {k: absolute(getattr(config.video, k)) for k in ("font", "watermark", "cover", "intro", "outro")}
    return config.model_copy(update={
        "data": Path(os.environ.get("PODCAST_DATA_DIR") or folder / config.data.expanduser()),
        "engines_path": tuple(folder / path.expanduser() for path in config.engines_path),
        "tts": config.tts.model_copy(update=files(config.tts, "voice")),
        "speakers": {label: s.model_copy(update=files(s, "voice", "avatar")) for label, s in config.speakers.items()},
        "video": config.video.model_copy(update=video),
        "music": config.music.model_copy(update={"file": absolute(config.music.file)}),
        "avatar": config.avatar.model_copy(update={
            "source_image": absolute(config.avatar.source_image),
            "sadtalker": config.avatar.sadtalker.model_copy(update={
                key: absolute(getattr(config.avatar.sadtalker, key)) for key in ("ref_eyeblink", "ref_pose")}),
        }),
    })


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError("no such file", "`podcast init` writes one", str(file)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=str(file)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise ConfigError(f"not valid YAML: {getattr(error, 'problem', error)}", "check the indentation and colons",
                          where) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError("must be a list of `key: value` lines", where=str(file))
    return data


def _expand(value: Any, where: str, secrets: set[str]) -> Any:
    """Replace ${NAME} by the environment's value, everywhere in plain data."""
    if isinstance(value, dict):
        return {k: _expand(v, where, secrets) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, where, secrets) for v in value]
    if not isinstance(value, str):
        return value

    def look_up(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise ConfigError(f"the environment variable {match[1]} is not set", f"export {match[1]}=...", where)
        secrets.add(found)
        return found

    return _VARIABLE.sub(look_up, value)


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for name in sections:
        inner = raw.get(name)
        raw[name] = inner = dict(inner) if isinstance(inner, dict) else {}
        raw = inner
    raw[last] = yaml.safe_load(value) if isinstance(value, str) and value.strip() else value


def _explain(error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    path = [str(p) for p in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _known_keys(path[:-1]), 1, 0.5)
        remedy = f"did you mean {'.'.join([*path[:-1], near[0]])}?" if near else \
            f"known here: {', '.join(_known_keys(path[:-1]))}"
        return ConfigError(f"unknown key {key}", remedy, where)
    message = first["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(first.get("input"), dict) else f" (it is {first.get('input')!r})"
    return ConfigError(f"{key}: {message}{shown}", "`podcast config show` prints every key with its value", where)


def _known_keys(path: list[str]) -> list[str]:
    model: type[BaseModel] = Config
    for name in path:
        if name not in model.model_fields:
            return list(SpeakerConfig.model_fields)  # below speakers.<name>
        inner = model.model_fields[name].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return list(SpeakerConfig.model_fields) if name == "speakers" else []
        model = inner
    return list(model.model_fields)


def as_dict(config: Config) -> dict[str, Any]:
    """Return the configuration as plain data."""
    return config.model_dump(mode="json")
