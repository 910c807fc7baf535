from __future__ import annotations

import pytest

from synth_assets.quality.self_identification import identifies_itself


@pytest.mark.parametrize(
    "text",
    [
        "I am ChatGPT, happy to help.",
        "Hello! I'm Claude, made for you.",
        "As an AI language model, I do not eat.",
        "As an artificial intelligence, I have no body.",
        "I am just an AI assistant.",
        "I am a large language model trained by Google.",
        "I was developed by OpenAI in 2022.",
        "I\u2019m an AI.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "En tant qu'IA, je ne mange pas.",
        "Como modelo de lenguaje, no tengo opiniones.",
        "作为一个人工智能语言模型，我没有感情。",
        "我是通义千问。",
        "我是由OpenAI开发的。",
    ],
)
def test_the_first_person_of_a_product_is_found(text: str):
    assert identifies_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ChatGPT was developed by OpenAI.",
        "GPT-4, as an AI language model, can summarise texts.",
        "Google trained Gemini on many languages.",
        "I am Claudette, a baker from Lyon.",
        "I am Claude Monet, and I paint.",
        "As an aide, I write letters.",
        "I am an air traffic controller.",
        "I bought a phone made by a firm; Microsoft sells others.",
        "She built a chatbot.",
        "Ich bin ein Berliner.",
        "我是一个老师。",
    ],
)
def test_facts_and_people_are_not(text: str):
    assert not identifies_itself(text)
