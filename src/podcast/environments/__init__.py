"""Pinned engine environments: what they are made of, how they are installed, and the workers that run in them."""
