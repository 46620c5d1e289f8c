"""A portrait that talks: the picture of a person, warped and drawn over for every pose."""

from podcast.puppet.portrait.figure import PortraitFigure, portrait_size
from podcast.puppet.portrait.sheet import portrait_sheet

__all__ = ["PortraitFigure", "portrait_sheet", "portrait_size"]
