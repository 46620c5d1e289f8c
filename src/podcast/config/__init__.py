"""The configuration: strict, every key known; defaults that need no file."""

from podcast.config.reading import Loaded, as_dict, check, load_config
from podcast.config.schema import Config, parse_size

__all__ = ["Config", "Loaded", "as_dict", "check", "load_config", "parse_size"]
