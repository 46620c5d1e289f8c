"""engine.yaml: the pins of an engine, read strictly; every key is known, every mistake is named with its place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from podcast.environments.spec import EngineKind, EngineSpec, EngineVoice, Licences, Option, Variant, WeightFile
from podcast.errors import EngineError
from podcast.yamlfile import read_mapping

FILE_NAME = "engine.yaml"
WORKER = "worker.py"
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*", re.IGNORECASE)
_DIGEST = r"^[0-9a-f]{64}$"
_GIT_HASH = r"^[0-9a-f]{40}$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_NAME = r"^[a-z0-9][a-z0-9_-]*$"  # becomes a folder, a key of config.yaml and an argument
_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}


def parse_bytes(value: Any) -> int:
    """Return bytes from a number or from text such as "2.1 GB" (decimal units).

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be bytes, or text such as "2.1 GB"')
    return round(float(match[1]) * _UNITS[match[2].upper()])


def _inside(path: str) -> str:
    """Refuse paths that would leave their folder, on any system."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path:
        raise ValueError("must be a path below the engine's folder, with / between names")
    return path


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Upstream(_Section):
    url: str
    commit: str = Field(pattern=_GIT_HASH)
    tree: str = Field("", pattern=r"^([0-9a-f]{40})?$")
    archive: str = ""
    archive_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    paths: tuple[str, ...] = ()

    @field_validator("paths")
    @classmethod
    def _below(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_inside(path).rstrip("/") for path in paths)

    @model_validator(mode="after")
    def _checked(self) -> _Upstream:
        if self.archive and not (self.archive_sha256 or self.tree):
            raise ValueError("archive needs archive_sha256 or tree to be checked by")
        return self


class _Environment(_Section):
    name: str = Field(pattern=_NAME)
    python: str = Field(pattern=r"^3\.\d+$")
    lock: str
    devices: tuple[Literal["cuda", "mps", "cpu"], ...] = Field(("cpu",), min_length=1)
    disk: int = 0
    index: str = ""

    _bytes = field_validator("disk", mode="before")(parse_bytes)
    _below = field_validator("lock")(_inside)


class _Weight(_Section):
    path: str
    urls: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = Field(None, pattern=_DIGEST)
    when: dict[str, Any] = {}

    _below = field_validator("path")(_inside)

    @field_validator("size", mode="before")
    @classmethod
    def _exact(cls, value: Any) -> Any:
        if value is not None and not (isinstance(value, int) and value > 0):
            raise ValueError("must be the exact number of bytes, or null")
        return value

    @field_validator("urls")
    @classmethod
    def _fetchable(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [url for url in urls if not url.startswith(("https://", "http://"))]:
            raise ValueError(f"{wrong[0]} is not an https or http address")
        return urls


class _Voice(_Section):
    name: str = Field(pattern=r"^[^/\\]+$")  # with a slash it would be a sample's path
    language: str = ""
    gender: Literal["female", "male", ""] = ""
    about: str = ""
    licence: str = ""
    commercial: bool = True
    weights: tuple[_Weight, ...] = ()


class _Option(_Section):
    type: Literal["string", "integer", "number", "boolean"]
    default: Any = None
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    help: str = ""


class _Licence(_Section):
    code: str
    weights: str = ""
    commercial: bool = True
    note: str = ""


class _Manifest(_Section):
    name: str = Field(pattern=_NAME)
    kind: EngineKind
    summary: str
    version: str
    licence: _Licence
    upstream: _Upstream | None = None
    environments: tuple[_Environment, ...] = Field(min_length=1)
    weights: tuple[_Weight, ...] = ()
    needs: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    options: dict[str, _Option] = {}
    languages: tuple[str, ...] = ()
    timings: bool = False
    stall: float = Field(300.0, gt=0)
    secrets: tuple[Annotated[str, Field(pattern=_VARIABLE)], ...] = ()
    voices: tuple[_Voice, ...] = ()
    clones: bool = False
    runtime: Literal["torch", "onnxruntime"] = "torch"
    memory: str = ""
    tested: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> _Manifest:
        names = [environment.name for environment in self.environments]
        if len(set(names)) < len(names):
            raise ValueError("two environments have the same name")
        for weight in self.weights:
            if unknown := set(weight.when) - set(self.options):
                raise ValueError(f"{weight.path} depends on {min(unknown)}, which is not an option")
        return self


def load_spec(folder: Path) -> EngineSpec:
    """Return the pins that a folder's engine.yaml holds.

    Raises:
        EngineError: no such file, invalid YAML, an unknown key, a value that does not fit, a lock or worker.py that is
            missing, a name that is not the folder's.
    """
    file = folder / FILE_NAME
    raw = read_mapping(file, EngineError, "an engine is a folder with engine.yaml in it") or {}
    try:
        manifest = _Manifest.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, file) from error
    if manifest.name != folder.name:
        raise EngineError(f"is named {manifest.name}, its folder {folder.name}", "give both the same name", str(file))
    missing = [name for name in (WORKER, *(e.lock for e in manifest.environments)) if not (folder / name).is_file()]
    if missing:
        raise EngineError(f"the engine lacks {missing[0]}", "see docs/engines.md for the parts of an engine", str(file))
    spec = _as_spec(manifest, folder)
    for name, option in (spec.options or {}).items():
        _check_value(option, option.default, f"{file}: options.{name}.default")
    return spec


def _as_spec(m: _Manifest, folder: Path) -> EngineSpec:
    upstream = m.upstream or _Upstream.model_construct(url="", commit="")
    return EngineSpec(
        name=m.name, kind=m.kind, version=m.version, summary=m.summary, licence=Licences(**m.licence.model_dump()),
        folder=folder, worker=folder / WORKER,
        variants=tuple(Variant(e.name, e.python, folder / e.lock, e.devices, e.disk, e.index) for e in m.environments),
        upstream_url=upstream.url, upstream_commit=upstream.commit, upstream_tree=upstream.tree,
        upstream_archive=upstream.archive, upstream_archive_sha256=upstream.archive_sha256,
        upstream_paths=upstream.paths,
        weights=_files(m.weights), voices=tuple(_voice(v) for v in m.voices), clones=m.clones, runtime=m.runtime,
        needs=m.needs, precisions=m.precisions,
        options={name: Option(**option.model_dump()) for name, option in m.options.items()},
        languages=m.languages, timings=m.timings, stall=m.stall, secrets=m.secrets, memory=m.memory, tested=m.tested,
    )  # fmt: skip


def _files(weights: Iterable[_Weight]) -> tuple[WeightFile, ...]:
    return tuple(WeightFile(w.path, w.urls, w.size, w.sha256, tuple(w.when.items())) for w in weights)


def _voice(v: _Voice) -> EngineVoice:
    return EngineVoice(v.name, v.language, v.gender, v.about, v.licence, v.commercial, _files(v.weights))


def _explain(error: ValidationError, file: Path) -> EngineError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return EngineError(f"unknown key {key}", nearest(path[-1], _known_keys(path[:-1])), str(file))
    if first["type"] == "missing":
        return EngineError(f"the key {key} is missing", "docs/engines.md shows every key", str(file))
    shown = "" if isinstance(first.get("input"), dict) else f" (it is {first.get('input')!r})"
    problem = f"{key}: {first['msg'].removeprefix('Value error, ')}{shown}" if key else first["msg"]
    return EngineError(problem.removeprefix("Value error, "), "docs/engines.md shows every key", str(file))


def _known_keys(path: list[str]) -> list[str]:
    """Return the keys that are known at a place of the manifest."""
    inner: dict[str, type[BaseModel]] = {
        "upstream": _Upstream, "environments": _Environment, "weights": _Weight, "options": _Option,
        "licence": _Licence, "voices": _Voice,
    }
    return list((inner[path[0]] if path else _Manifest).model_fields)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what to say about an unknown word: the nearest known one, else all of them."""
    known = list(known)
    near = difflib.get_close_matches(word, known, 1, 0.5)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(known) or 'nothing'}"


# ---------------------------------------------------------------- options


def check_options(spec: EngineSpec, options: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Return all options of an engine: the given ones, checked, and the defaults of the others.

    Args:
        spec: the engine.
        options: what the configuration says.
        where: the place of the options, for the message, such as "avatar.sadtalker"; "": the engine's name.

    Raises:
        EngineError: an unknown option (names the nearest), a wrong type, a value that is not among the choices or out
            of range.
    """
    declared, where = spec.options or {}, where or spec.name
    for name in options:
        if name not in declared:
            raise EngineError(f"unknown option {name}", nearest(name, declared), where)
    for name, value in options.items():
        _check_value(declared[name], value, f"{where}.{name}")
    return {name: options.get(name, option.default) for name, option in declared.items()}


def _check_value(option: Option, value: Any, where: str) -> None:
    if value is None and option.default is None:
        return
    kinds = _KINDS[option.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and option.type != "boolean"):
        raise EngineError(f"must be of type {option.type} (it is {value!r})", option.help, where)
    if option.choices and value not in option.choices:
        listed = ", ".join(map(str, option.choices))
        raise EngineError(f"must be one of {listed} (it is {value!r})", option.help, where)
    if isinstance(value, int | float):
        _check_range(option, value, where)


def _check_range(option: Option, value: float, where: str) -> None:
    if option.least is not None and value < option.least:
        raise EngineError(f"must be at least {option.least:g} (it is {value!r})", option.help, where)
    if option.most is not None and value > option.most:
        raise EngineError(f"must be at most {option.most:g} (it is {value!r})", option.help, where)


def wanted_weights(
    spec: EngineSpec, options: Mapping[str, Any] | None = None, voices: Iterable[str] = ()
) -> tuple[WeightFile, ...]:
    """Return the weights that these options need; options that are not given have their defaults.

    Voices that bring their own weights need no others: if such ones are named, theirs are returned alone.
    """
    named = set(voices)
    if own := dict.fromkeys(weight for voice in spec.voices if voice.name in named for weight in voice.weights):
        return tuple(own)
    values = {name: option.default for name, option in (spec.options or {}).items()} | dict(options or {})

    def fits(weight: WeightFile) -> bool:
        return all(values.get(key) in (want if isinstance(want, list | tuple) else (want,))
                   for key, want in weight.when)

    return tuple(weight for weight in spec.weights if fits(weight))


# ---------------------------------------------------------------- where engines are


def shipped_folder() -> Path:
    """Return the folder of the engines that come with podcast: in the package, or in a checkout beside it."""
    package = Path(__file__).resolve().parents[1]
    carried = package / "external"
    return carried if carried.is_dir() else package.parents[1] / "external"


def engine_folders(extra: Iterable[Path] = ()) -> dict[str, Path]:
    """Return the folders of all engines by name, without reading them.

    Args:
        extra: further folders: of engines, or an engine each (the configuration's engines_path).

    Raises:
        EngineError: a folder that does not exist, two engines of one name.
    """
    found: dict[str, Path] = {}
    for place in (shipped_folder(), *extra):
        if not place.is_dir():
            if place in extra:
                raise EngineError("no such folder", "correct engines_path in config.yaml", str(place))
            continue
        inner = [place] if (place / FILE_NAME).is_file() else sorted(f.parent for f in place.glob(f"*/{FILE_NAME}"))
        for folder in inner:
            if folder.name in found and found[folder.name] != folder:
                raise EngineError(f"two engines are called {folder.name}: {found[folder.name]} and this one",
                                  "rename one of them, or take it out of engines_path", str(folder))
            found[folder.name] = folder
    return found


def find_specs(extra: Iterable[Path] = ()) -> dict[str, EngineSpec]:
    """Return the pins of all engines by name: the shipped ones and those in further folders.

    Raises:
        EngineError: an engine that cannot be read, or what `engine_folders` raises.
    """
    return {name: load_spec(folder) for name, folder in engine_folders(tuple(extra)).items()}


def find_spec(name: str, extra: Iterable[Path] = ()) -> EngineSpec:
    """Return the pins of one engine; others may be broken.

    Raises:
        EngineError: there is none of that name (names the nearest), or it cannot be read.
    """
    folders = engine_folders(tuple(extra))
    if name not in folders:
        raise EngineError(f"no engine is called {name}", nearest(name, folders))
    return load_spec(folders[name])
