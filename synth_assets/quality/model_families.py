"""A model's string in, the family of models that it belongs to out: judges favour their kin.

Known by the beginnings of names, whoever serves them. A model of no known family is a family of
its own name, so that a judge is never said to be kin without a reason.
"""

from __future__ import annotations

import re

SIMULATED = ("offline", "recorded", "scripted")
"""Providers whose names say nothing of a family: each name is one."""

_BEGINNINGS = {
    "gpt": ("gpt", "chatgpt", "o1", "o3", "o4", "davinci", "babbage", "text-davinci"),
    "claude": ("claude",),
    "gemini": ("gemini", "gemma", "palm"),
    "llama": ("llama", "meta-llama", "codellama"),
    "qwen": ("qwen", "qwq"),
    "mistral": ("mistral", "mixtral", "ministral", "codestral", "magistral", "pixtral", "devstral"),
    "deepseek": ("deepseek",),
    "phi": ("phi-", "phi3", "phi4"),
    "command": ("command", "c4ai", "aya"),
    "grok": ("grok",),
    "glm": ("glm", "chatglm"),
    "kimi": ("kimi", "moonshot"),
    "olmo": ("olmo", "tulu"),
    "nova": ("nova-",),
}
_BEFORE_NAME = re.compile(
    r"\A(?:ft:|(?:(?:us|us-gov|eu|apac|au|jp|global)\.)?"
    r"(?:(?:anthropic|meta|mistral|cohere|amazon|openai|google|moonshot)\.)?)"
)
"""What Bedrock puts before a name (a region, a maker), and OpenAI before a fine-tuned one's."""

_ENDS_OF_WORDS = re.compile(r"[-_.:@\d]")


def model_family(model: str) -> str:
    """The family of ``provider/name``: ``gpt`` of openai/gpt-5-mini, ``qwen`` of
    openai_compatible/Qwen3-8B, ``offline/judge`` of itself."""
    provider, _, rest = model.partition("/")
    if provider in SIMULATED:
        return model
    name = _BEFORE_NAME.sub("", (rest or provider).rsplit("/", 1)[-1].lower())
    for family, beginnings in _BEGINNINGS.items():
        if name.startswith(beginnings):
            return family
    return _ENDS_OF_WORDS.split(name)[0] or name
