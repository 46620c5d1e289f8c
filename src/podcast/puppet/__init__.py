"""The built-in presenters: what moves (pose, visemes, motion) and how it is drawn (rig, render)."""
