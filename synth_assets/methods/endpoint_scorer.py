"""An endpoint that scores texts: `ask` in, the log-probability of each token of a prompt out.

The server is asked for the probabilities of the prompt's own tokens, as vLLM gives them on
``/v1/completions``. A request is one like any other: kept, and free the next time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any, Literal

from synth_assets.llm.replies import parse_body
from synth_assets.llm.request import Ask, Reply, Request, user
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.quality.scorers import ScoredText

PromptLogprobs = Literal["echo", "prompt_logprobs"]
"""How they are asked for: ``echo`` is OpenAI's older way, ``prompt_logprobs`` vLLM's own."""

_COMMON = {"max_tokens": 1, "temperature": 0.0, "add_special_tokens": False}
"""One token is written, because some servers refuse to write none; it is not looked at."""

SAMPLING: Mapping[PromptLogprobs, dict[str, Any]] = {
    "echo": {"echo": True, "logprobs": True, **_COMMON},
    "prompt_logprobs": {"prompt_logprobs": 0, **_COMMON},
}

MOST_CHARACTERS_OF_A_PIECE = 4
"""A token that holds only a part of a character's bytes stands for few characters."""


@dataclass(frozen=True)
class EndpointScorer:
    """model: the recipe's name of a model with ``api: completions``."""

    ask: Ask
    model: str
    max_tokens: int
    counts: Counter[str]
    asked_by: PromptLogprobs = "echo"

    def token_logprobs(self, texts: Iterable[str]) -> Iterator[ScoredText]:
        sampling = SAMPLING[self.asked_by]
        about = ((text, Request(self.model, (user(text),), sampling)) for text in texts)
        requests = Counted(len(texts), about) if isinstance(texts, Sized) else about
        for text, reply in ask_about(self.ask, requests, self.counts):
            yield read_scores(reply, text, self.max_tokens)


def read_scores(reply: Reply, text: str, max_tokens: int) -> ScoredText:
    """The tokens of ``text`` in the body of a completion that tells them. Tokens that do not spell
    the text are a problem, never a guess."""
    try:
        choice = parse_body(reply.body or "")["choices"][0]
        if choice.get("prompt_logprobs") is not None:
            tokens, logprobs = _from_prompt_logprobs(choice["prompt_logprobs"], text)
        else:
            tokens, logprobs = _from_echo(choice["logprobs"])
        spans = list(_spans(tokens, text))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        return ScoredText(problem=f"{type(error).__name__}: {error}", call_id=reply.call_id)
    return ScoredText(
        tuple(start for start, _ in spans[:max_tokens]),
        tuple(end for _, end in spans[:max_tokens]),
        tuple(logprobs[: len(spans)][:max_tokens]),
        len(spans) > max_tokens,
        call_id=reply.call_id,
    )


def _from_echo(logprobs: Mapping[str, Any]) -> tuple[list[str], list[float | None]]:
    tokens, values = logprobs["tokens"], logprobs["token_logprobs"]
    if len(tokens) != len(values):
        raise ValueError("tokens and their probabilities differ in number")
    return [str(token) for token in tokens], [_number(value) for value in values]


def _from_prompt_logprobs(places: list[Any], text: str) -> tuple[list[str], list[float | None]]:
    """For each place a mapping of token ids, the prompt's own token first. The first place is
    null, for nothing stands before it: its token is what the others leave of the text."""
    told = [next(iter(place.values())) for place in places[1:]]
    tokens = [str(token["decoded_token"]) for token in told]
    rest = "".join(tokens)
    if rest and not text.endswith(rest):
        raise ValueError("the tokens do not spell the text")
    first = text[: len(text) - len(rest)]
    return [first, *tokens], [None, *(_number(token["logprob"]) for token in told)]


def _spans(tokens: list[str], text: str) -> Iterator[tuple[int, int]]:
    """Where each token of ``text`` stands; tokens after its end are no more of it.

    A token of some bytes of a character has no text of its own ("\\ufffd"): such tokens in a row
    share the characters up to the next token that has one.
    """
    place, number = 0, 0
    while place < len(text):
        if number == len(tokens):
            raise ValueError("the tokens end before the text")
        token = tokens[number]
        if not _is_piece(token):
            if not text.startswith(token, place):
                raise ValueError("the tokens do not spell the text")
            yield place, place + len(token)
            place, number = place + len(token), number + 1
            continue
        run = number
        while run < len(tokens) and _is_piece(tokens[run]):
            run += 1
        most = place + MOST_CHARACTERS_OF_A_PIECE * (run - number)
        end = len(text) if run == len(tokens) else text.find(tokens[run], place + 1)
        if not place < end <= most:
            end = len(text)
        if end > most:
            raise ValueError("the tokens do not spell the text")
        for _ in range(number, run):
            yield place, end
        place, number = end, run


def _is_piece(token: str) -> bool:
    return not token or "\ufffd" in token or token.startswith("bytes:")


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a log-probability is no number")
    return float(value)
