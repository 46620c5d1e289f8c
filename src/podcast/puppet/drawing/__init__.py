"""Draws our hosts offline: modelled as distance fields, shaded, saved as layers."""
