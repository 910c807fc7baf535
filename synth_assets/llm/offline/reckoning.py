"""Reasoning with programs: a prompt and the outputs so far in, the next turn out.

The model writes a program for its task, reads what it printed, mends it after an error, and
answers. Its flaws are those that the method has to catch: a slip in the program, a crash, a loop
without end, output that it made up, a figure read wrongly, programs without ever an answer.
"""

from __future__ import annotations

from synth_assets.llm.offline.answering import answer_prompt, wrong_answer
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.draft import box
from synth_assets.llm.offline.programs import slip_in, write_program
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Answering, Reckoning
from synth_assets.llm.offline.task import Task, parse_task

FAILED = ("Traceback (most recent call last)", "SyntaxError", "[stopped", "[nothing was printed]")
DITHERING = "One cannot be too sure, so I look at it once more."
_PLANS = (
    "This asks for {method}; a program does it without a slip.",
    "I put the figures into a program: {method}.",
    "The way is {method}. Let Python do it.",
)
_MENDED = (
    "That did not work. Here is the program again, mended.",
    "There was a mistake in my program; this one should run.",
)
_CONCLUSIONS = ("The program printed {printed}.", "So the result is {printed}.")
_STUBBORN = 0.9
"""How surely one who has begun to dither goes on with it."""


def reckon(asked: Asked, dice: Dice, rates: Reckoning, answering: Answering) -> str:
    """The next turn of a trace."""
    task = parse_task(asked.text)
    program = None if task is None else write_program(task)
    if task is None or program is None:
        # No program helps here: it answers as it would without, in the first turn.
        return answer_prompt(asked, dice, answering).text
    if not asked.outputs:
        return _begin(task, program, dice, rates)
    printed = asked.outputs[-1]
    if any(sign in printed for sign in FAILED) and not asked.is_last_turn:
        return _block(dice.pick(_MENDED), program)
    stubborn = DITHERING in asked.said and dice.chance(_STUBBORN)
    if stubborn or dice.chance(rates.dithering):
        return _block(DITHERING, program)
    return _conclude(task, printed, dice, rates)


def _begin(task: Task, program: str, dice: Dice, rates: Reckoning) -> str:
    plan = dice.pick(_PLANS).format(method=task.family.method)
    left = dice.share()
    for flaw in ("slip", "crash", "endless", "invented_output"):
        left -= getattr(rates, flaw)
        if left >= 0:
            continue
        if flaw == "slip":
            return _block(plan, slip_in(program, dice))
        if flaw == "crash":
            return _block(plan, program, last="print(anwser)")
        if flaw == "endless":
            return _block(plan, program, last="while answer == answer:\n    pass")
        work = task.solve()
        made_up = wrong_answer(work.answer, task.kind, dice) if work else "0"
        block = f"```output\n{made_up}\n```"
        return f"{_block(plan, program)}\n{block}\n{_answer(task, made_up, dice)}"
    return _block(plan, program)


def _conclude(task: Task, printed: str, dice: Dice, rates: Reckoning) -> str:
    lines = [line for line in printed.splitlines() if line.strip()]
    answer = lines[-1].strip() if lines else "unknown"
    if dice.chance(rates.misread):
        answer = _misread(answer)
    return _answer(task, answer, dice)


def _misread(answer: str) -> str:
    """Two neighbouring signs change places; one that is the same both ways loses its last."""
    for place in range(len(answer) - 1):
        if answer[place] != answer[place + 1] and answer[place : place + 2].isalnum():
            return answer[:place] + answer[place + 1] + answer[place] + answer[place + 2 :]
    return answer[:-1] or "0"


def _answer(task: Task, printed: str, dice: Dice) -> str:
    conclusion = dice.pick(_CONCLUSIONS).replace("{printed}", printed)
    return f"{conclusion} The answer is {box(printed, task.kind)}."


def _block(said: str, program: str, last: str = "print(answer)") -> str:
    return f"{said}\n```python\n{program}{last}\n```"
