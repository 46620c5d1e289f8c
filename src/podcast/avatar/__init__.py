"""Narration -> AvatarClips: who is seen, and everybody's clip for each slot."""

from podcast.avatar.animate import animate
from podcast.avatar.cast import cast, enhance, host_gender, is_picture, portrait
from podcast.avatar.rendering import Renderer, render

__all__ = ["Renderer", "animate", "cast", "enhance", "host_gender", "is_picture", "portrait", "render"]
