"""The Differentiable Neural Computer (Graves et al., Nature 2016) for Keras."""

from dnc.cell import DNCCell
from dnc.layer import DNC

__all__ = ["DNC", "DNCCell"]

__version__ = "1.0.0"
