"""Families of the calendar and the clock: dates, weekdays, time zones, durations, overlaps."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from datetime import date, timedelta

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import (
    CLOCK,
    DATE,
    INTEGER,
    NAME,
    Family,
    Values,
    Work,
)

OFFSET = r"[+-]\d+"
KINDS = {
    "name": NAME,
    "friend": NAME,
    "day": DATE,
    "later_day": DATE,
    "n": INTEGER,
    "offset": OFFSET,
    "other_offset": OFFSET,
    **dict.fromkeys(("start", "end", "other_start", "other_end"), CLOCK),
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _day(dice: Dice) -> date:
    return date(1998, 1, 1) + timedelta(days=dice.integer(0, 14000))


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"no time of day: {clock}")
    return int(hours) * 60 + int(minutes)


def _draw_date_after(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"day": _day(dice).isoformat(), "n": str(dice.integer(11, 240))}


def _work_date_after(v: Values) -> Work:
    start, days = date.fromisoformat(v["day"]), int(v["n"])
    end = (start + timedelta(days=days)).isoformat()
    return Work(
        (f"Start at {v['day']} and go {days} days on, month by month.", f"That is {end}."), end
    )


DATE_AFTER = Family(
    name="date_after",
    group="dates",
    method="counting days month by month",
    kind="text",
    kinds=KINDS,
    texts=(
        "Which date lies {n} days after {day}? {name} needs it for the {occasion}. Write it as YYYY-MM-DD.",
        "The {group} planted its seeds on {day} and harvests {n} days later. On what date, as YYYY-MM-DD, is the harvest?",
        "A ticket for {town} bought on {day} is good for {n} days. Give its last day in the form YYYY-MM-DD.",
        "Add {n} days to {day} and answer with the ISO date. It is the day when {friend} returns the {thing}.",
        "{name} borrowed {thing} from {friend} on {day}, for {n} days. By which ISO date must they be back?",
        "If the {occasion} in {town} starts {n} days past {day}, when is it, in ISO form?",
    ),
    drawn=_draw_date_after,
    worked=_work_date_after,
)


def _draw_weekday(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"day": _day(dice).isoformat()}


def _work_weekday(v: Values) -> Work:
    day = date.fromisoformat(v["day"])
    known = date(2000, 1, 1)
    gap = (day - known).days
    name = WEEKDAYS[day.weekday()]
    steps = (
        f"2000-01-01 was a Saturday, and {v['day']} is {gap} days from it.",
        f"{gap} leaves {gap % 7} when divided by 7, so the day is a {name}.",
    )
    return Work(steps, name)


WEEKDAY = Family(
    name="weekday",
    group="dates",
    method="counting days modulo seven",
    kind="text",
    kinds=KINDS,
    texts=(
        "What day of the week is {day}? The {group} wants to hold the {occasion} then.",
        "{name} was born in {town} on {day}. Name the weekday of the birth.",
        "On which weekday does {day} fall, so that {friend} can plan {subject}?",
        "The old ledger of the {group} has an entry of {day} about {thing}. Tell which weekday that was.",
        "Find the weekday for the date {day}, when {town} held its first {occasion}.",
        "Is {day} a Monday, a Tuesday or another day? {name} sells {thing} and must know exactly.",
    ),
    drawn=_draw_weekday,
    worked=_work_weekday,
)


def _draw_days_between(dice: Dice) -> dict[str, str]:
    day = _day(dice)
    later = day + timedelta(days=dice.integer(20, 420))
    return dice.scene() | {"day": day.isoformat(), "later_day": later.isoformat()}


def _work_days_between(v: Values) -> Work:
    first, second = date.fromisoformat(v["day"]), date.fromisoformat(v["later_day"])
    gap = str(abs((second - first).days))
    return Work(
        (
            f"Count on from {v['day']} to {v['later_day']}, leap days included.",
            f"The gap is {gap} days.",
        ),
        gap,
    )


DAYS_BETWEEN = Family(
    name="days_between",
    group="dates",
    method="counting the days from one date to the other",
    kind="number",
    unit="days",
    kinds=KINDS,
    texts=(
        "How many days lie between {day} and {later_day}, counting the last but not the first? {name} rents {thing} for that time.",
        "The {group} opened on {day} and held its {occasion} on {later_day}. How many days later was that?",
        "Count the days from {day} to {later_day} for a visa to {town}, leaving the first day out.",
        "From {day} until {later_day}, what number of nights does {friend} sleep in {town}?",
        "{name} sent a crate of {thing} on {day}, and it came on {later_day}. For how many days was it under way?",
        "Give the difference in days of the dates {later_day} and {day}, as used in a contract of the {group}.",
    ),
    drawn=_draw_days_between,
    worked=_work_days_between,
)


def _draw_time_zone(dice: Dice) -> dict[str, str]:
    town, other = dice.town(), dice.town()
    while other == town:
        other = dice.town()
    first, second = dice.sample(range(-9, 12), 2)
    zones = {"offset": f"{first:+d}", "other_offset": f"{second:+d}"}
    return (
        dice.scene()
        | zones
        | {"town": town, "other_town": other, "start": _clock(dice.integer(0, 287) * 5)}
    )


def _work_time_zone(v: Values) -> Work:
    gap = int(v["other_offset"]) - int(v["offset"])
    there = _clock((_minutes(v["start"]) + gap * 60) % 1440)
    steps = (
        f"The difference is {v['other_offset']} - ({v['offset']}) = {gap} hours.",
        f"{v['start']} moved by {gap} hours is {there}.",
    )
    return Work(steps, there)


TIME_ZONE = Family(
    name="time_zone",
    group="dates",
    method="the difference of the offsets from UTC",
    kind="text",
    kinds=KINDS,
    texts=(
        "It is {start} in {town} (UTC{offset}). What time is it in {other_town} (UTC{other_offset})?",
        "{name} calls from {town}, where clocks follow UTC{offset}, at {start}. At what local time does the phone ring in {other_town} at UTC{other_offset}?",
        "The {occasion} starts at {start} by the clocks of {town}. With {town} at UTC{offset} and {other_town} at UTC{other_offset}, when must {friend} switch on in {other_town}?",
        "Translate {start} from UTC{offset} to UTC{other_offset}. {name} sits in {other_town} and waits for news of the {group} in {town}.",
        "A message about {thing} leaves {town} (clock UTC{offset}) at {start} and arrives at once. Which time does the clock in {other_town} show if it runs on UTC{other_offset}?",
        "When clocks in {town} show {start} at UTC{offset}, what do clocks at UTC{other_offset} in {other_town} show?",
    ),
    drawn=_draw_time_zone,
    worked=_work_time_zone,
)


def _draw_end_time(dice: Dice) -> dict[str, str]:
    return dice.scene() | {
        "start": _clock(dice.integer(70, 280) * 5),
        "n": str(dice.integer(35, 290)),
    }


def _work_end_time(v: Values) -> Work:
    length = int(v["n"])
    end = _clock((_minutes(v["start"]) + length) % 1440)
    return Work(
        (
            f"{length} minutes are {length // 60} h {length % 60} min.",
            f"{v['start']} plus that is {end}.",
        ),
        end,
    )


END_TIME = Family(
    name="end_time",
    group="dates",
    method="adding hours and minutes",
    kind="text",
    kinds=KINDS,
    texts=(
        "The {occasion} begins at {start} and lasts {n} minutes. When is it over, on a 24-hour clock?",
        "{name} puts {thing} into the kiln at {start}. They need {n} minutes. At which time, in 24-hour form, are they done?",
        "A ferry to {town} sails at {start}; the crossing takes {n} minutes. Give the time of landing as HH:MM.",
        "Starting {subject} at {start}, {friend} is busy for {n} minutes. What does the 24-hour clock show at the end?",
        "If the {group} opens its doors at {start} and shuts them {n} minutes afterwards, name the closing time as HH:MM.",
        "What time is it {n} minutes after {start}? {name} must then be at the {group} in {town}. Use HH:MM.",
    ),
    drawn=_draw_end_time,
    worked=_work_end_time,
)


def _draw_overlap(dice: Dice) -> dict[str, str]:
    first, second = dice.integer(96, 150), dice.integer(100, 170)
    spans = {
        "start": first,
        "end": first + dice.integer(12, 60),
        "other_start": second,
        "other_end": second + dice.integer(12, 60),
    }
    return dice.scene() | {slot: _clock(five * 5) for slot, five in spans.items()}


def _work_overlap(v: Values) -> Work:
    begin = max(_minutes(v["start"]), _minutes(v["other_start"]))
    end = min(_minutes(v["end"]), _minutes(v["other_end"]))
    shared = max(0, end - begin)
    steps = (
        f"The later start is {_clock(begin)}, the earlier end {_clock(end)}.",
        f"Between them lie {shared} minutes." if shared else "They do not meet, so 0 minutes.",
    )
    return Work(steps, str(shared))


OVERLAP = Family(
    name="overlap",
    group="dates",
    method="from the later start to the earlier end",
    kind="number",
    unit="minutes",
    kinds=KINDS,
    texts=(
        "{name} is free from {start} to {end} and {friend} from {other_start} to {other_end}. For how many minutes can they meet?",
        "The {group} opens {start} to {end}. The bus to {town} waits there from {other_start} to {other_end}. How many minutes do the two spans share?",
        "How long in minutes do a meeting at {start}-{end} and one at {other_start}-{other_end} overlap? Both are about the {occasion}.",
        "Two helpers guard the {thing}: one on duty {start} until {end}, the other {other_start} until {other_end}. During how many minutes are both there?",
        "Work out the common time, in minutes, of the shifts {start} to {end} and {other_start} to {other_end} at the {group}.",
        "Between {start} and {end} the hall in {town} is heated, between {other_start} and {other_end} it is let for the {occasion}. How many minutes is it both heated and let?",
    ),
    drawn=_draw_overlap,
    worked=_work_overlap,
)

FAMILIES = (DATE_AFTER, WEEKDAY, DAYS_BETWEEN, TIME_ZONE, END_TIME, OVERLAP)
