"""A completion in, whether its model speaks of itself as a provider's product out.

A student trained on it would take itself for that product. Facts about products are no
self-identification: only the first person counts. Names hold in any language; the sentences
around them are known in English, German, French, Spanish and Chinese.
"""

from __future__ import annotations

import re

MODELS = (
    "ChatGPT",
    r"GPT-?\d[\w.-]*",
    "Claude",
    "Gemini",
    "Bard",
    r"(?:Meta )?Llama",
    "Qwen",
    r"DeepSeek",
    "Mistral",
    "Mixtral",
    "Copilot",
    "Grok",
    "Gemma",
    "Kimi",
    "ERNIE Bot",
    "通义千问",
    "文心一言",
)
PROVIDERS = (
    "OpenAI",
    "Anthropic",
    r"Google(?: DeepMind)?",
    r"Meta(?: AI)?",
    "Microsoft",
    r"Mistral(?: AI)?",
    r"Alibaba(?: Cloud)?",
    "DeepSeek",
    "Cohere",
    "xAI",
    r"Moonshot(?: AI)?",
    "Zhipu(?: AI)?",
    "Baidu",
    "阿里云",
    "百度",
)

_MODEL, _PROVIDER = f"(?:{'|'.join(MODELS)})", f"(?:{'|'.join(PROVIDERS)})"
_MACHINE = r"(?:ai|artificial intelligence|large language|language|chat)"
_KIND = rf"(?:{_MACHINE}[ -])*(?:model|assistant|chatbot|ai)"
_SAYS = re.compile(
    "|".join(
        (
            # I am ChatGPT. My name is Claude, I'm a model. Ich bin, je suis, soy, 我是.
            rf"\b(?:i am|i'm|ich bin|je suis|(?:yo )?soy)(?: an?| eine?| une?| called| named)? "
            rf"{_MODEL}(?![\w'-])(?! (?:monet|debussy|shannon))",
            rf"我(?:是|叫){_MODEL}",
            # I was made by OpenAI; I am a model trained by Google.
            rf"\b(?:i|i'm)\b[^.!?\n]{{0,80}}\b(?:developed|created|trained|made|built|designed)"
            rf" by (?:the company |the team at |researchers at )?{_PROVIDER}\b",
            rf"我是?由{_PROVIDER}",
            # As an AI language model, I …; I am only an AI assistant.
            rf"\bas an? (?:{_KIND}|artificial intelligence)(?: [^.,\n]{{0,60}})?, (?:i|my)\b",
            rf"\b(?:i am|i'm) (?:just |only |merely )?an? {_MACHINE}[ -]{_KIND}\b",
            r"\b(?:i am|i'm) (?:just |only |merely )?an? (?:ai|language model)\b",
            # The same in German, French, Spanish, Chinese.
            r"\bals (?:eine? )?(?:ki|künstliche intelligenz|(?:ki-|gro(?:ß|ss)es )?sprachmodell"
            r"|ki-(?:modell|assistent(?:in)?))\b[^.\n]{0,40}\b(?:ich|mir|mich)\b",
            r"\ben tant qu(?:e |')(?:ia|intelligence artificielle|assistant(?:e)? (?:ia|virtuel)"
            r"|mod[eè]le de langage)\b[^.\n]{0,40}\bje\b",
            r"\bcomo (?:una? )?(?:ia|inteligencia artificial|asistente (?:de ia|virtual)"
            r"|modelo de lenguaje)\b[^.\n]{0,40}\b(?:no|yo|mis?)\b",
            r"作为(?:一个|一名|一款)?(?:人工智能|AI|大)?(?:语言模型|智能助手|助手|模型)?[,，]?\s*我",
        )
    ),
    re.IGNORECASE,
)


def identifies_itself(text: str) -> bool:
    """Does the text say in the first person that it is a model, which, or whose?"""
    return _SAYS.search(text.replace("\u2019", "'")) is not None
