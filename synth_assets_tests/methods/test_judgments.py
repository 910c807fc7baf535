from __future__ import annotations

from synth_assets.methods.judgments import combine_judgments
from synth_assets.methods.ultrafeedback import RATING_SCHEMA
from synth_assets.schemas import JUDGMENTS, VERIFICATIONS
from synth_assets_tests.methods.builders import make_ratings, make_verifications

RATING = {
    "judgment_id": "j1",
    "completion_id": "c1",
    "prompt_id": "p1",
    "round": 2,
    "judge": "judge",
    "criterion": "honesty",
    "rating": 4.0,
    "rationale": "Says what it knows.",
    "status": "ok",
    "call_id": "call",
    "earlier_call_ids": ["first"],
}
RATED = ("rating", "ultrafeedback")
VERDICT = {"completion_id": "c1", "prompt_id": "p1", "round": 2, "status": "refuted"}


def test_ratings_and_verdicts_stand_in_one_table():
    found = combine_judgments({RATED: make_ratings(RATING)}, make_verifications(VERDICT))
    rating = found.filter(kind="rating").to_dicts()[0]
    verdict = found.filter(kind="verification").to_dicts()[0]
    assert found.height == 2
    assert rating == RATING | {"kind": "rating", "method": "ultrafeedback"}
    assert (verdict["judge"], verdict["criterion"]) == ("math_verify", "answer")
    assert (verdict["completion_id"], verdict["status"]) == ("c1", "refuted")


def test_a_verdict_is_not_a_number():
    (verdict,) = combine_judgments(
        {RATED: RATING_SCHEMA.empty()}, make_verifications(VERDICT)
    ).to_dicts()
    assert verdict["rating"] is None
    assert verdict["call_id"] is None


def test_an_unrated_judgment_is_not_a_zero():
    unrated = RATING | {"rating": None, "status": "out_of_scale"}
    (row,) = combine_judgments({RATED: make_ratings(unrated)}, VERIFICATIONS.empty()).to_dicts()
    assert (row["rating"], row["status"]) == (None, "out_of_scale")


def test_rows_are_in_the_order_of_ids():
    rows = [RATING | {"judgment_id": id} for id in ("b", "a")]
    verdicts = make_verifications(*[VERDICT | {"completion_id": id} for id in "xyz"])
    ids = combine_judgments({RATED: make_ratings(*rows)}, verdicts)["judgment_id"].to_list()
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_a_scale_of_its_own_is_called_by_its_method():
    critique = make_ratings(RATING | {"rating": 9.0})
    found = combine_judgments({("critique", "critique"): critique}, VERIFICATIONS.empty())
    assert found.select("kind", "method", "rating").rows() == [("critique", "critique", 9.0)]


def test_nothing_in_gives_nothing_out():
    assert combine_judgments({RATED: RATING_SCHEMA.empty()}, VERIFICATIONS.empty()).equals(
        JUDGMENTS.empty()
    )
