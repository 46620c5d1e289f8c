"""Text as it is spoken: sentences, and words instead of figures, signs and abbreviations."""

from podcast.text.lexicon import check_lexicon
from podcast.text.normalization import Normalized, Piece, normalize
from podcast.text.sentences import sentences

__all__ = ["Normalized", "Piece", "check_lexicon", "normalize", "sentences"]
