from __future__ import annotations

import unicodedata
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from synth_assets.quality.contamination import (
    EvaluationIndex,
    contaminated,
    contamination_tokens,
)


def words(first: int, last: int) -> str:
    """The words w<first> to w<last>, both included."""
    return " ".join(f"w{n}" for n in range(first, last + 1))


def test_tokens_are_split_on_the_published_separators_only():
    assert contamination_tokens("It's a-b\\c: (D) \"e\"\n f_g!") == (
        "it's", "a", "b", "c", "d", "e", "f_g",
    )  # fmt: skip


def test_a_copy_is_contaminated_and_another_text_is_not():
    evaluation = [words(1, 12)]
    assert contaminated([words(1, 12), words(20, 40)], evaluation) == [True, False]


def test_seven_tokens_in_common_are_no_overlap_of_8_grams():
    assert contaminated(["x " + words(1, 7) + " y"], [words(1, 8)]) == [False]


def test_half_covered_is_not_contaminated_and_more_is():
    half, more = words(1, 8) + " other", words(1, 9) + " other"
    assert contaminated([half, more], [words(1, 16)]) == [False, True]


def test_the_share_is_of_the_evaluation_text_and_the_best_one_counts():
    index = EvaluationIndex([words(1, 40), words(1, 10)])
    assert index.score(words(1, 8)) == Fraction(8, 10)


def test_two_training_texts_do_not_add_up():
    evaluation = [words(1, 20)]
    assert contaminated([words(1, 8), words(9, 16)], evaluation) == [False, False]


def test_separate_shared_passages_of_one_text_add_up():
    assert contaminated([words(1, 8) + " x " + words(11, 18)], [words(1, 20)]) == [True]


def test_case_and_punctuation_do_not_hide_a_copy():
    training = "What is the sum, of ALL numbers: from one to ten?"
    assert contaminated([training], ["what is the sum of all numbers from one to ten"]) == [True]


def test_a_japanese_copy_with_another_end_is_contaminated():
    evaluation = ["太郎は市場で林檎を三つ買い、花子に一つあげました。いくつ残りましたか。"]
    training = "太郎は市場で林檎を三つ買い、花子に一つあげました。何個ありますか？"
    assert contaminated([training, "次郎は川で魚を釣りました。"], evaluation) == [True, False]


def test_arabic_marks_and_composed_letters_do_not_hide_a_copy():
    arabic = "ما هو مجموع كل الأعداد، من واحد إلى عشرة؟"
    assert contaminated([arabic.replace("،", "").replace("؟", "")], [arabic]) == [True]
    french = "combien de pommes reste-t-il à l'été après la récolte"
    assert contaminated([unicodedata.normalize("NFD", french)], [french]) == [True]


def test_eight_grams_that_overlap_cover_each_token_once():
    # 9 of 18 tokens by two 8-grams is half, which is not more than half; 10 of 18 is.
    nine, ten = "x " + words(1, 9) + " y", "x " + words(1, 10) + " y"
    index = EvaluationIndex([words(1, 18)])
    assert (index.score(nine), index.score(ten)) == (Fraction(9, 18), Fraction(10, 18))
    assert contaminated([nine, ten], [words(1, 18)]) == [False, True]


def test_a_passage_that_the_evaluation_text_repeats_is_covered_wherever_it_stands():
    evaluation = words(1, 8) + " x " + words(1, 8)
    assert EvaluationIndex([evaluation]).score(words(1, 8)) == Fraction(16, 17)


def test_a_share_is_compared_exactly():
    # 7 of 10 is 0.7, which is not more than 0.7, whatever 0.7 is in binary.
    assert contaminated([words(1, 7)], [words(1, 10)], ngram=7, share=0.7) == [False]
    assert contaminated([words(1, 8)], [words(1, 10)], ngram=7, share=0.7) == [True]


def test_a_copied_sentence_is_found_in_scripts_without_spaces():
    sentence = "東京から大阪まで新幹線で何時間かかりますか。"
    assert contaminated(["次の問いに答えて。" + sentence, "東京の天気は。"], [sentence]) == [
        True,
        False,
    ]


def test_accents_and_other_alphabets_are_compared_as_they_stand():
    text = "Où est-ce que l'on peut manger ce soir à Orléans, près de la gare ?"
    assert contaminated([text.upper(), text.replace("é", "e")], [text]) == [True, True]
    arabic = "كم يوما يستغرق السفر من القاهرة الى الرباط بالقطار في الشتاء"
    assert contaminated([arabic, arabic[:20]], [arabic]) == [True, False]


def test_a_short_evaluation_text_overlaps_its_verbatim_copy_only():
    assert contaminated(["Who are you?", "Who are you today?"], ["who are you"]) == [True, False]


def test_ngram_and_share_are_parameters():
    assert contaminated([words(1, 3)], [words(1, 4)], ngram=3, share=0.8) == [False]
    assert contaminated([words(1, 3)], [words(1, 4)], ngram=3, share=0.7) == [True]


def test_nothing_in_gives_nothing_out():
    assert contaminated([], ["a text"]) == []
    assert contaminated(["", "a text"], []) == [False, False]
    assert contaminated([""], [""]) == [False]


@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=10), max_size=4),
    st.lists(st.lists(st.sampled_from("abc"), min_size=3, max_size=10), max_size=4),
)
def test_the_index_decides_as_the_definition_does(
    training: list[list[str]], evaluation: list[list[str]]
):
    n = 3

    def overlaps(train: list[str], row: list[str]) -> bool:
        shared = {tuple(train[at : at + n]) for at in range(len(train) - n + 1)}
        covered = {
            at + step
            for at in range(len(row) - n + 1)
            if tuple(row[at : at + n]) in shared
            for step in range(n)
        }
        return 2 * len(covered) > len(row)

    expected = [any(overlaps(train, row) for row in evaluation) for train in training]
    texts = [" ".join(tokens) for tokens in training]
    assert contaminated(texts, [" ".join(row) for row in evaluation], n, 0.5) == expected
