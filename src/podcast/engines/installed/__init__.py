"""Engines that live in environments of their own, behind the same Protocols as those that are built in.

What most runs need is here; the doors of the kinds (`avatar`, `speech`, `music`, `enhancer`) are loaded with an engine.
"""

from podcast.engines.installed.room import EngineRoom
from podcast.engines.installed.use import DeviceUse, SilentlyOnCpu, Wish, joined

__all__ = ["DeviceUse", "EngineRoom", "SilentlyOnCpu", "Wish", "joined"]
