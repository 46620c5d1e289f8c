"""Draw hosts again: python -m podcast.puppet.drawing [NAME …]."""

from __future__ import annotations

import sys

import cv2

from podcast.puppet.drawing.people import LOOKS
from podcast.puppet.drawing.produce import produce
from podcast.puppet.rig import HOSTS


def main(names: list[str]) -> None:
    """Draw the named hosts, or all."""
    cv2.setNumThreads(1)
    for name in names or list(LOOKS):
        produce(name, HOSTS / name)


main(sys.argv[1:])
