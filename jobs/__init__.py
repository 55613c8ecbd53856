"""Diamant: do regional clusters make firms innovative, and for whom?"""

__version__ = "0.1.0"
