"""Turn a text script into a finished video podcast."""

__version__ = "0.1.0"
