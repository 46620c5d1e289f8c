"""Scripts: plain text, understood leniently; what is not said is reported, never lost."""

from podcast.script.outline import Outline, Share, outline
from podcast.script.parse import NARRATOR, parse_script
from podcast.script.reading import decode, read_script

__all__ = ["NARRATOR", "Outline", "Share", "decode", "outline", "parse_script", "read_script"]
