"""A number of a seed file, which stays as the file writes it."""

from __future__ import annotations


class NumberText(str):
    """A number as the file writes it, so that ``1.10`` stays ``1.10``; still no text."""

    __slots__ = ()
