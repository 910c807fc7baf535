"""Prompts of several turns and of other scripts, through every stage to the exported lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets.export import openai
from synth_assets.export.rows import preference_rows, sft_rows
from synth_assets.llm.request import Request
from synth_assets.quality.language import detect_language
from synth_assets.store.lake import Lake
from synth_assets_tests.methods.builders import turn
from synth_assets_tests.recipes import write_seeds
from synth_assets_tests.stages.bench import Bench, bench

JAPANESE = "太郎は市場で林檎を3個買い、花子に1個あげました。残りの林檎の数を説明してください。"
KNOWN = "京都駅から奈良駅まで電車で行く方法を、初めての旅行者にもわかるように教えてください。"
ARABIC = "اشرح في بضع جمل كيف تحافظ الدراجة على توازنها فوق طريق وعر مليء بالحجارة."
FRENCH = "Explique à un élève de 10 ans pourquoi l'été est plus chaud que l'hiver, s'il te plaît."
TALK = [
    turn("system", "Réponds brièvement."),
    turn("user", "Quel est le plus long fleuve qui traverse la ville où naquit Mozart ?"),
    turn("assistant", "C'est la Salzach, qui traverse Salzbourg."),
    turn("user", "Et où se jette-t-elle ?"),
]
COURTESY = {"ja": "どうぞよろしくお願いします。", "ar": "شكرا جزيلا لك.", "fr": "Merci d'avance !"}
FURTHER = {
    "ja": "もう少し短く説明してください。例も一つ挙げてください。",
    "ar": "هل يمكنك أن تعطي مثالا واحدا على ذلك من الحياة اليومية؟",
    "fr": "Peux-tu donner un exemple tiré de la vie de tous les jours ?",
}


def answer(request: Request) -> str | None:
    """A translator that brackets a text and, on the way back, adds a courtesy; a person who asks
    for an example; a judge who finds everything the same."""
    text = request.messages[-1]["content"]
    if "You are a translator" in text:
        quoted = text.partition("[text ")[2].partition("\n")[2].partition("\n[end of text")[0]
        if quoted.startswith("⟦"):
            bare = quoted.strip("⟦⟧")
            return f"{bare} {COURTESY[detect_language(bare) or 'fr']}"
        return f"⟦{quoted}⟧"
    if "Same or Other" in text:
        return "Same"
    if "what the person says next" in text:
        first = text.partition("user: ")[2].partition("\n")[0]
        return FURTHER[detect_language(first) or "fr"]
    return None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder: Path = tmp_path_factory.mktemp("languages")
    texts = (JAPANESE, ARABIC, FRENCH)
    write_seeds(folder, [*({"prompt": text} for text in texts), {"messages": TALK}])
    copy = KNOWN.replace("教えてください", "説明してください")
    write_seeds(folder, [{"prompt": copy}], "known.jsonl")
    write_seeds(folder, [{"prompt": KNOWN}], "evaluation.jsonl")
    prompts: dict[str, Any] = {
        "self_instruct": None,
        "back_translation": {
            "teacher": "teacher",
            "judge": "judge",
            "per_round": 5,
            "pivots": ["German"],
            "language": "French",
        },
        "reverse_translation": {"teacher": "teacher", "per_round": 5, "pivots": ["German"]},
        "follow_up_turns": {"teacher": "teacher", "user": "judge", "per_round": 5},
        "filters": {"words": [8, 60], "languages": ["ja", "ar", "fr"], "decontaminate": {}},
    }
    seeds = {"prompts": ["seeds.jsonl", "known.jsonl"], "evaluation": ["evaluation.jsonl"]}
    parts: dict[str, Any] = {
        "seeds": seeds,
        "prompts": prompts,
        "completions": {"teachers": ["teacher"], "per_prompt": 2},
        "judgments": {"ultrafeedback": {"judge": "judge", "criteria": ["helpfulness"]}},
    }
    with bench(folder, **parts) as made:
        made.sets = ("scored_completions", "sft_set", "dpo_set")
        made.teacher.before = answer
        made.run()
        yield made


def kept(made: Bench, method: str) -> list[dict[str, Any]]:
    rows = made.read("mutated_prompts", f"method = '{method}' AND drop_reason IS NULL")
    return list(rows.iter_rows(named=True))


def whole(made: Bench, table: str) -> pl.DataFrame:
    return made.lake.frame(f"SELECT * FROM {Lake.relation('tiny', table)}")


def test_rewordings_keep_script_numbers_and_earlier_turns(made: Bench) -> None:
    rows = {row["text"]: row for row in kept(made, "back_translation")}
    assert set(rows) == {
        f"{JAPANESE} {COURTESY['ja']}",
        f"{ARABIC} {COURTESY['ar']}",
        f"{FRENCH} {COURTESY['fr']}",
        f"{TALK[-1]['content']} {COURTESY['fr']}",
    }
    talk = rows[f"{TALK[-1]['content']} {COURTESY['fr']}"]
    assert talk["messages"][:-1] == TALK[:-1]


def test_a_japanese_copy_of_an_evaluation_prompt_goes_with_all_that_repeats_it(
    made: Bench,
) -> None:
    rows = made.read("mutated_prompts", "drop_reason = 'contaminated'")
    assert sorted(rows["method"]) == [
        "back_translation",
        "follow_up_turns",
        "reverse_translation",
        "seed",
    ]


def test_conversations_go_on_in_the_language_of_the_person(made: Bench) -> None:
    rows = {row["messages"][0]["content"]: row for row in kept(made, "follow_up_turns")}
    assert rows[JAPANESE]["text"] == FURTHER["ja"]
    assert rows[ARABIC]["text"] == FURTHER["ar"]
    longest = rows["Réponds brièvement."]
    assert [each["role"] for each in longest["messages"]] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip


def test_a_persons_words_are_the_target_of_reverse_translation(made: Bench) -> None:
    given = made.read("completions", "method = 'given'")
    assert set(given["text"]) == {JAPANESE, ARABIC, FRENCH, TALK[-1]["content"]}
    assert set(given["origin"]) == {"human"}


def test_the_judge_sees_all_turns_with_their_roles(made: Bench) -> None:
    seen = [
        request.messages[-1]["content"]
        for request in made.teacher.asked
        if "Rate all" in request.messages[-1]["content"]
    ]
    shown = "\n\n".join(f"{each['role']}: {each['content']}" for each in TALK)
    assert any(shown in text for text in seen)
    assert any(JAPANESE in text for text in seen)


def test_exported_lines_hold_the_texts_as_they_are(made: Bench) -> None:
    sft = sft_rows(whole(made, "sft_set"))
    lines = [json.loads(line)["messages"] for line in openai.sft_lines(sft)]
    first_turns = {messages[0]["content"] for messages in lines}
    assert {JAPANESE, ARABIC, FRENCH, "Réponds brièvement."} <= first_turns
    assert {len(messages) for messages in lines} == {2, 4, 5, 7}
    for messages in lines:
        spoken = [each["role"] for each in messages if each["role"] != "system"]
        assert spoken == ["user", "assistant"] * (len(spoken) // 2)
    pairs, _ = preference_rows(whole(made, "dpo_set"))
    assert pairs.filter(pl.col("prompt").list.len() > 2).height > 0
    assert all(json.loads(line)["input"]["messages"] for line in openai.dpo_lines(pairs))
