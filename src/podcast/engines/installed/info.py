"""What an installed engine says of itself, from its manifest."""

from __future__ import annotations

from podcast.engines.base import EngineInfo
from podcast.environments.spec import EngineSpec


def info_of(spec: EngineSpec) -> EngineInfo:
    """Return name, version, licences and abilities of an engine."""
    devices = tuple(dict.fromkeys(device for variant in spec.variants for device in variant.devices))
    weights = f"; weights {spec.licence.weights}" if spec.licence.weights else ""
    return EngineInfo(spec.name, spec.version, f"{spec.licence.code}{weights}", devices, spec.languages,
                      timings=spec.timings, note=spec.licence.note, outside=True)
