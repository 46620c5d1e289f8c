"""The arrows: imports point one way, and a few doors are the only ones."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import podcast

SOURCE = Path(podcast.__file__).parent
FLOORS = [  # a module may import from floors below its own; stages are closed to each other
    {"cli"},
    {"batch", "doctor"},
    {"produce", "wiring", "account", "rights"},
    {"script", "narration", "music", "mix", "avatar", "composite", "publish"},
    {"stage"},
    {"engines", "puppet", "graphics", "timeline", "stage", "sidecars", "report", "bed", "text"},
    {"captions", "cache", "sound", "casting", "alignment"},
    {"ffmpeg", "environments", "proof", "weights"},
    {"device", "audio", "canvas"},
    {"process", "config", "reporter"},
    {"episode", "errors", "paths", "yamlfile"},
]
CLOSED = 3  # index of the floor whose rooms do not import each other


def _room(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("podcast"):
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("podcast.")}
    return found


def _modules() -> list[Path]:
    return [p for p in SOURCE.rglob("*.py") if p.name not in ("__init__.py", "__main__.py") or p.parent != SOURCE]


def _floor(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def test_every_room_has_a_floor() -> None:
    rooms = {_room(p) for p in _modules()}
    assert rooms <= set().union(*FLOORS), rooms - set().union(*FLOORS)


def test_imports_point_down() -> None:
    for path in _modules():
        room = _room(path)
        for other in _imports(path) - {room, "__version__"}:
            assert _floor(other) >= _floor(room), f"{path.name} imports podcast.{other}"
            if _floor(room) == CLOSED:
                assert _floor(other) > CLOSED, f"the stage {room} imports the stage {other}"


def _uses(path: Path, module: str) -> bool:
    tree = ast.parse(path.read_text("utf-8"))
    return any(
        (isinstance(n, ast.Import) and any(a.name.split(".")[0] == module for a in n.names))
        or (isinstance(n, ast.ImportFrom) and (n.module or "").split(".")[0] == module)
        for n in ast.walk(tree)
    )


def test_the_doors() -> None:
    assert {_room(p) for p in _modules() if _uses(p, "subprocess")} == {"process"}
    assert {_room(p) for p in _modules() if _uses(p, "typer") or _uses(p, "rich")} <= {"cli"}
    assert not [p for p in _modules() if _uses(p, "torch")]
    readers = {_room(p) for p in _modules() if "config" in _imports(p)}
    assert readers <= {"cli", "batch", "produce", "wiring", "account", "rights", "config"}


def test_what_is_slow_to_import_is_imported_by_those_who_need_it() -> None:
    told = "import sys, podcast.produce, podcast.cli.commands; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split()
    assert not {"scipy.signal", "scipy.stats", "scipy.ndimage", "podcast.environments.install"} & set(loaded)
