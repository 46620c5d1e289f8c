"""One table of all engines, as docs/engines.md prints it: `python -m podcast.environments.overview`."""

from __future__ import annotations

from collections.abc import Iterable

from podcast.environments.manifest import find_specs
from podcast.environments.spec import EngineSpec

_HEAD = ("engine", "kind", "code", "weights", "commercial use", "devices", "memory", "languages", "timings",
         "tested with")
_MANY = 8  # languages that are named one by one


def overview(specs: Iterable[EngineSpec]) -> str:
    """Return the engines as a table in Markdown, by kind and name."""
    rows = [_row(spec) for spec in sorted(specs, key=lambda spec: (spec.kind, spec.name))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (_HEAD, ("---",) * len(_HEAD), *rows)) + "\n"


def _row(spec: EngineSpec) -> tuple[str, ...]:
    devices = ", ".join(dict.fromkeys(device for variant in spec.variants for device in variant.devices))
    spoken = spec.languages if len(spec.languages) <= _MANY else (f"{len(spec.languages)}",)
    free = sum(voice.commercial for voice in spec.voices)
    partly = f"{free} of {len(spec.voices)} voices" if 0 <= free < len(spec.voices) else "yes"
    return (
        f"{spec.name} {spec.version}", spec.kind, spec.licence.code, spec.licence.weights or "none",
        partly if spec.licence.commercial else "no", devices, spec.memory or "not measured",
        ", ".join(spoken) or "any", _timings(spec), spec.tested or "nothing yet",
    )


def _timings(spec: EngineSpec) -> str:
    if spec.kind != "speech":
        return ""
    return "its own" if spec.timings else "by alignment"


if __name__ == "__main__":
    print(overview(find_specs().values()), end="")
