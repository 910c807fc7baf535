"""What calls will take: requests as they would be sent and what earlier calls took in, tokens,
money and time with an interval out. Pure.

Tokens of the input follow from the messages: their bytes on the line that earlier calls give, or at
four bytes a token, which is within a quarter of the truth on English prose. Tokens of the output
and seconds follow from earlier calls of the same table and model, else of the same model, else
from a guess. An interval holds 95 of 100 totals if calls go on as they did; where there is nothing
to learn from it is the guess's own, and wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil, inf, sqrt

from synth_assets.llm.prices import Price

Z_95 = 1.96
"""Standard deviations to each side of the mean that hold 95 % of a normal distribution."""

TOKENS_A_BYTE = 0.25
"""Before experience; see `synth_assets.llm.tokens`."""

ERROR_OF_GUESSED_INPUT = 0.25
"""A guessed number of input tokens may be wrong by this share, to either side."""

ERROR_OF_GUESS = 4.0
"""A guessed output or latency may be wrong by this factor, to either side."""

BYTES_BEFORE_EXPERIENCE = {
    "self_instruct_prompts": 2400,
    "evolved_prompts": 1000,
    "completions": 480,
    "ratings": 3600,
}
OUTPUT_TOKENS_BEFORE_EXPERIENCE = {
    "self_instruct_prompts": 300,
    "evolved_prompts": 80,
    "completions": 300,
    "ratings": 200,
}
SECONDS_BEFORE_EXPERIENCE = 4.0
LOCAL_SECONDS_BEFORE_EXPERIENCE = 0.002
"""A call's latency, until there are calls to learn from: of an endpoint, and of what answers in
this process."""


@dataclass(frozen=True, slots=True)
class Range:
    """low and high hold the truth in 95 of 100 cases; likely lies between."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    def __add__(self, other: Range) -> Range:
        """The sum, as if both were at the same end at once: never too narrow."""
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def times(self, factor: float) -> Range:
        return Range(self.low * factor, self.likely * factor, self.high * factor)

    def whole(self) -> Range:
        """In whole tokens."""
        return Range(int(self.low), ceil(self.likely), ceil(self.high))


@dataclass(frozen=True, slots=True)
class Sample:
    """Mean and standard deviation of ``count`` earlier calls."""

    count: int
    mean: float
    deviation: float

    def total(self, fewest: float, most: float, likely: float | None = None) -> Range:
        """The sum over between ``fewest`` and ``most`` further calls: their own scatter, and that
        of the mean which is learnt from few. likely: how many are likely; left out, ``most``."""
        return Range(
            max(0.0, fewest * self.mean - self._spread(fewest)),
            (most if likely is None else likely) * self.mean,
            most * self.mean + self._spread(most),
        )

    def _spread(self, number: float) -> float:
        return Z_95 * self.deviation * sqrt(number + number**2 / self.count)


@dataclass(frozen=True, slots=True)
class Line:
    """Least squares of ``count`` earlier calls: tokens = intercept + slope * bytes.

    deviation: of the calls from the line. mean_bytes, scatter: mean of the bytes, and the sum of
    their squared distances from it.
    """

    count: int
    intercept: float
    slope: float
    deviation: float
    mean_bytes: float
    scatter: float

    def total(
        self, fewest: float, most: float, bytes_a_call: float, likely: float | None = None
    ) -> Range:
        """Tokens of further calls of this mean size, as of `Sample.total`; less sure, the further
        that is from the sizes learnt from (Draper and Smith, Applied Regression Analysis, section
        1.4)."""
        mean = max(0.0, self.intercept + self.slope * bytes_a_call)
        away = (bytes_a_call - self.mean_bytes) ** 2 / self.scatter if self.scatter else 0.0

        def spread(number: float) -> float:
            return Z_95 * self.deviation * sqrt(number + number**2 * (1 / self.count + away))

        return Range(
            max(0.0, fewest * mean - spread(fewest)),
            (most if likely is None else likely) * mean,
            most * mean + spread(most),
        )


def line_through(
    count: int, mean_bytes: float, mean_tokens: float, sxx: float, sxy: float, syy: float
) -> Line:
    """From the sums of squares and products about the means. Calls of one size, or fewer than
    three, give no slope: then tokens go with the bytes."""
    if count < 3 or sxx <= 0:
        slope = mean_tokens / mean_bytes
        return Line(count, 0.0, slope, ERROR_OF_GUESSED_INPUT * mean_tokens, mean_bytes, 0.0)
    slope = sxy / sxx
    deviation = sqrt(max(0.0, syy - slope * sxy) / (count - 2))
    return Line(count, mean_tokens - slope * mean_bytes, slope, deviation, mean_bytes, sxx)


@dataclass(frozen=True, slots=True)
class Experience:
    """What earlier calls of one model took. input_tokens: by the bytes of the messages."""

    input_tokens: Line
    output_tokens: Sample
    seconds: Sample


@dataclass
class Asked:
    """Calls that a table would make of one model. certain: of requests that are known; bytes: of
    their messages as JSON; output_limit: the sum of their ``max_tokens``, infinite where one has
    none. most: with all that may follow from replies that are not known yet; unlikely: how many of
    these do not follow if they go as earlier ones did, as far as a method tells."""

    certain: int = 0
    bytes: int = 0
    output_limit: float = 0.0
    most: int = 0
    unlikely: float = 0.0

    @property
    def likely(self) -> float:
        return self.most - self.unlikely

    def add(
        self, message_bytes: int, max_tokens: int | None, *, may_be_corrected: bool = False
    ) -> None:
        """One more request that is known. may_be_corrected: a reply that is out of form is asked
        for once more, which is not likely."""
        self.certain += 1
        self.most += 1 + may_be_corrected
        self.unlikely += may_be_corrected
        self.bytes += message_bytes
        self.output_limit += inf if max_tokens is None else max_tokens


@dataclass(frozen=True, slots=True)
class Forecast:
    """cost_usd is None where a price is not known; seconds are those of this model's calls alone,
    ``concurrency`` of them at a time."""

    input_tokens: Range
    output_tokens: Range
    cost_usd: Range | None
    seconds: Range


def forecast(
    table: str,
    asked: Asked,
    known: Experience | None,
    price: Price | None,
    concurrency: int,
    *,
    is_local: bool = False,
) -> Forecast:
    """What the calls of one table to one model will take; ``is_local`` where no endpoint is
    asked."""
    inputs = _input_tokens(table, asked, known).whole()
    outputs = _output_tokens(table, asked, known).whole()
    return Forecast(
        inputs,
        outputs,
        _cost(inputs, outputs, price),
        _seconds(asked, known, concurrency, is_local),
    )


def kept_to_limits(told: Forecast, asked: Asked, limits: Mapping[str, int | None]) -> Forecast:
    """The same calls, no faster than limits a minute let them: ``requests``, ``tokens``,
    ``input_tokens``, ``output_tokens``."""
    inputs, outputs = told.input_tokens, told.output_tokens
    amounts = {
        "requests": Range(asked.certain, asked.likely, asked.most),
        "tokens": inputs + outputs,
        "input_tokens": inputs,
        "output_tokens": outputs,
    }
    seconds = told.seconds
    for name, limit in limits.items():
        if limit is not None:
            seconds = slowest([seconds, amounts[name].times(60 / limit)])
    return replace(told, seconds=seconds)


def slowest(seconds: Iterable[Range]) -> Range:
    """Models are asked side by side: a table takes as long as its slowest one."""
    ranges = list(seconds) or [Range()]
    return Range(
        max(each.low for each in ranges),
        max(each.likely for each in ranges),
        max(each.high for each in ranges),
    )


def _input_tokens(table: str, asked: Asked, known: Experience | None) -> Range:
    if asked.certain:
        bytes_a_call = asked.bytes / asked.certain
    elif known is not None:
        bytes_a_call = known.input_tokens.mean_bytes
    else:
        bytes_a_call = BYTES_BEFORE_EXPERIENCE.get(table, 1000)
    if known is not None:
        return known.input_tokens.total(asked.certain, asked.most, bytes_a_call, asked.likely)
    tokens = TOKENS_A_BYTE * bytes_a_call
    low, high = 1 - ERROR_OF_GUESSED_INPUT, 1 + ERROR_OF_GUESSED_INPUT
    return Range(asked.certain * tokens * low, asked.likely * tokens, asked.most * tokens * high)


def _output_tokens(table: str, asked: Asked, known: Experience | None) -> Range:
    if known is not None:
        likely = known.output_tokens.total(asked.certain, asked.most, asked.likely)
    else:
        guess = OUTPUT_TOKENS_BEFORE_EXPERIENCE.get(table, 300)
        likely = _guessed(guess, asked.certain, asked.likely, asked.most)
    if asked.certain == 0:
        return likely
    limit = asked.output_limit / asked.certain * asked.most  # a reply is cut there
    return Range(min(likely.low, limit), min(likely.likely, limit), min(likely.high, limit))


def _seconds(asked: Asked, known: Experience | None, concurrency: int, is_local: bool) -> Range:
    """``concurrency`` calls at a time, and none shorter than one call."""
    fewest, likely, most = (
        number / concurrency if number > concurrency else float(number > 0)
        for number in (asked.certain, asked.likely, asked.most)
    )
    if known is not None:
        return known.seconds.total(fewest, most, likely)
    guess = LOCAL_SECONDS_BEFORE_EXPERIENCE if is_local else SECONDS_BEFORE_EXPERIENCE
    return _guessed(guess, fewest, likely, most)


def _guessed(guess: float, fewest: float, likely: float, most: float) -> Range:
    return Range(fewest * guess / ERROR_OF_GUESS, likely * guess, most * guess * ERROR_OF_GUESS)


def _cost(inputs: Range, outputs: Range, price: Price | None) -> Range | None:
    if price is None:
        return None
    low, likely, high = (
        price.cost_usd(int(i), int(o))
        for i, o in (
            (inputs.low, outputs.low),
            (inputs.likely, outputs.likely),
            (inputs.high, outputs.high),
        )
    )
    if low is None or likely is None or high is None:
        return None
    return Range(low, likely, high)


Experiences = Mapping[tuple[str, str], Experience]
"""Table and model (``provider/name``) → what its calls took; table ``""`` stands for all."""


def experience_of(experiences: Experiences, table: str, model: str) -> Experience | None:
    """Of the same table and model, else of the model in other tables, else none."""
    return experiences.get((table, model)) or experiences.get(("", model))
