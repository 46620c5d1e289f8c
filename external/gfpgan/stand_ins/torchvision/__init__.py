"""Stands in for torchvision, of which spandrel needs one function, so that PyTorch may be of any version."""
