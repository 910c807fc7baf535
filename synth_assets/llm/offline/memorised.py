"""Texts that the simulated models know by heart: items of the quickstart's evaluation set.

Now and then a model writes one of them down as a prompt of its own, as real models do; the
decontamination filter has to find it. A test keeps this list equal to the recipe's file.
"""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

MEMORISED = (
    "Three lighthouses blink every 12, 18 and 30 seconds. They have just blinked together. After how many seconds will all three blink at the same moment again, and how often has the quickest blinked by then?",
    "A snail climbs a wall that is 9 metres high. By day it gains 3 metres, by night it slips back 2. On which day does the snail reach the top of the wall for the first time?",
    "Grandmother bakes 96 biscuits and hides a quarter of them in a tin. Her five grandchildren share what is on the plate as fairly as they can. How many biscuits does the dog get?",
    "A farmer ferries a wolf, a goat and a cabbage over a river in a boat that carries the farmer and one of them. Describe the fewest crossings that bring all of them over unharmed.",
)
