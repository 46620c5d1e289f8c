"""Coqui asks whether torchcodec is there before it reads sound; we read sound by other means and never call it."""
