"""Versions of a recipe's tables: what there was when, what differs and why, and back again."""
