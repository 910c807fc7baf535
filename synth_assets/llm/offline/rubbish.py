"""Prompts that should not pass a filter, by kind: a seeded draw in, a text out."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

import re

from synth_assets.llm.offline.dice import Dice

_SHORT = (
    "Greet {name}.",
    "Ask {friend} nicely.",
    "Translate this.",
    "Describe {town}.",
    "Sort it.",
)
_BLOCKED = (
    "Draw {thing} on a sheet for the {group} and say what you have drawn.",
    "Describe the image of {name} with {thing} that hangs in {town}.",
    "Make a map of {town} that shows the {group} and the {occasion}.",
    "Plot the sales of {thing} in {town} over a year and comment on them.",
    "Open the file that {friend} sent and list all {thing} in it.",
    "Go to {town}, find the {group} and ask for {thing}.",
    "Compare two pictures of {thing} that {name} took at the {occasion}.",
    "Sketch a graph of how many {thing} the {group} lends each month.",
)
_PROGRAM = (
    "Write a program that counts {thing} for the {group} in {town}.",
    "Write a program in a language of your choice to plan the {occasion} for {name}.",
    "Write a program which reads {thing} and {other_thing} and prints the larger number.",
)
_PUNCTUATION = (
    "- list five uses of {thing} at the {occasion} in {town}",
    "(for {name}) say which {thing} the {group} should buy first",
    "... and now explain to {friend} how {thing} are made",
    "* compare {thing} with {other_thing} in two sentences for {name}",
)
_GERMAN = (
    "Wie viele Tage liegen zwischen dem 3. März und dem 19. Mai, wenn {name} in {town} auf Besuch wartet?",
    "Sortiere bitte die Wörter Birne, Apfel und Kirsche nach dem Alphabet, denn {friend} schreibt eine Liste für {town}.",
    "{name} fährt mit achtzig Kilometern in der Stunde nach {town}. Wie weit kommt der Wagen in einer halben Stunde?",
    "Erkläre in zwei Sätzen, warum {friend} beim Einkaufen in {town} lieber bar bezahlt als mit der Karte.",
)
_FRENCH = (
    "Combien de minutes y a-t-il dans trois heures et demie ? {name} doit le savoir avant de partir pour {town}.",
    "Range les mots poire, cerise et abricot dans l'ordre alphabétique pour la liste de {friend} à {town}.",
    "{name} achète six pommes à deux euros la pièce au marché de {town}. Quelle somme faut-il payer en tout ?",
    "Explique en deux phrases pourquoi {friend} préfère le train à la voiture pour aller de {town} à la mer.",
)
_STORY = (
    "On the morning of the {occasion} in {town}, {name} counted the {thing} and found that one was missing.",
    "{friend}, who had come over from the {group}, thought that somebody had mixed them up with the {other_thing}.",
    "After a long talk about {subject}, the two of them walked once round the market and back again.",
    "An old man at the corner told them that {thing} had been much cheaper when he was young in {town}.",
    "In the afternoon {name} wrote a letter to a cousin and did not know how to begin it.",
    "Nobody from the {group} had seen anything, or so they said when {friend} asked them one by one.",
)


def too_short(dice: Dice) -> str:
    return dice.pick(_SHORT).format_map(dice.scene())


def too_long(dice: Dice) -> str:
    """More than 150 words."""
    sentences: list[str] = []
    while sum(len(sentence.split()) for sentence in sentences) <= 155:
        sentences.append(dice.pick(_STORY).format_map(dice.scene()))
    return " ".join([*sentences, "Summarise all of this in one sentence."])


def keyword(dice: Dice) -> str:
    return dice.pick(_BLOCKED).format_map(dice.scene())


def program(dice: Dice) -> str:
    return dice.pick(_PROGRAM).format_map(dice.scene())


def punctuation(dice: Dice) -> str:
    return dice.pick(_PUNCTUATION).format_map(dice.scene())


def other_language(dice: Dice) -> str:
    return dice.pick(_GERMAN + _FRENCH).format_map(dice.scene())


def near_duplicate(dice: Dice, example: str) -> str:
    """An example with its first number or its second word changed: the same tokens but one."""
    if re.search(r"\d+", example):
        return re.sub(
            r"\d+", lambda m: str(int(m.group()[:6]) + dice.integer(1, 9)), example, count=1
        )
    words = example.split()
    place = min(1, len(words) - 1)
    return " ".join([*words[:place], *dice.words(1), *words[place + 1 :]])
