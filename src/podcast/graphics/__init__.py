"""Everything that is seen and is not a presenter: text, studio, layout, captions, cards, visualisers."""
