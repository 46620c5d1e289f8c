"""The two things of torchaudio that Coqui's voices need: mel spectra and resampling.

The package itself is compiled against one build of torch; with another it can't be imported.
"""

from torchaudio import functional, transforms

__version__ = "0"
__all__ = ["functional", "transforms"]
