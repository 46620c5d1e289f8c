"""From config.yaml and the command line to a configuration; wrong keys and values are told, never guessed."""

from __future__ import annotations

import copy
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from podcast.config.schema import Config, SpeakerConfig, TtsConfig
from podcast.errors import ConfigError
from podcast.paths import beside
from podcast.yamlfile import read_mapping

FILE_NAME = "config.yaml"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


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
    written = read_mapping(file, ConfigError, "`podcast init` writes one") if file else None
    raw = _expand(written or {}, where, secrets)
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
