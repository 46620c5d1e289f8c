"""Engines that live in environments of their own, behind the same Protocols as those that are built in."""

from podcast.engines.installed.avatar import InstalledAvatar
from podcast.engines.installed.enhancer import InstalledEnhancer
from podcast.engines.installed.music import InstalledMusic
from podcast.engines.installed.room import DeviceUse, EngineRoom, Installed, SilentlyOnCpu, Wish, joined
from podcast.engines.installed.speech import InstalledSpeech

__all__ = ["DeviceUse", "EngineRoom", "Installed", "InstalledAvatar", "InstalledEnhancer", "InstalledMusic",
           "InstalledSpeech", "SilentlyOnCpu", "Wish", "joined"]
