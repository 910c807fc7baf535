"""Every table's columns, declared once, with a description that the catalogue shows too.

A table's ``key`` is the id that is unique in it. Rows hold no time, no run id and no recipe
fingerprint: those stand in the commit, so that equal content is an equal table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from synth_assets.errors import LakeError

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
NEIGHBOURS = pl.List(pl.Struct({"prompt_id": pl.String, "score": pl.Float64}))
IDS = pl.List(pl.String)
ALTERNATIVES = pl.List(pl.Struct({"token": pl.String, "logprob": pl.Float64}))
TOKENS = pl.List(
    pl.Struct({"token": pl.String, "logprob": pl.Float64, "alternatives": ALTERNATIVES})
)


@dataclass(frozen=True)
class Column:
    name: str
    dtype: pl.DataType | type[pl.DataType]
    description: str


@dataclass(frozen=True)
class TableSchema:
    """One table: name, id column, what it holds, and its columns in their order."""

    name: str
    key: str
    description: str
    columns: tuple[Column, ...]

    @cached_property
    def polars(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.polars)

    def frame(self, rows: list[dict[str, object]]) -> pl.DataFrame:
        """Rows as a frame of exactly this schema; a missing or unknown column raises."""
        expected = set(self.polars.names())
        for row in rows:
            if set(row) != expected:
                raise LakeError(
                    f"table {self.name}: a row has columns {sorted(set(row) ^ expected)} too many "
                    "or too few; declare the column in schemas.py or leave it out"
                )
        return pl.DataFrame(rows, schema=self.polars, orient="row")

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with the columns in their declared order; any difference of names or types
        raises, because the lake would cast in silence."""
        missing = [name for name in self.polars.names() if name not in frame.columns]
        surplus = [name for name in frame.columns if name not in self.polars.names()]
        if missing or surplus:
            found = [("columns missing", missing), ("columns not declared", surplus)]
            faults = ", ".join(f"{what} {names}" for what, names in found if names)
            raise LakeError(f"table {self.name}: {faults}")
        ordered = frame.select(self.polars.names())
        for name, dtype in self.polars.items():
            found = ordered.schema[name]
            if found != dtype:
                if found == pl.Null or ordered.height == 0:
                    ordered = ordered.with_columns(pl.col(name).cast(dtype))
                else:
                    raise LakeError(f"table {self.name}: column {name} is {found}, not {dtype}")
        return ordered


ROUND = Column("round", pl.Int32, "Round the row belongs to; 0 for tables outside rounds")
PROMPT_ID = Column("prompt_id", pl.String, "The prompt answered")
COMPLETION_ID = Column("completion_id", pl.String, "The completion judged")
CALL_ID = Column("call_id", pl.String, "Call the row rests on, in llm.calls")
EARLIER_CALL_IDS = Column("earlier_call_ids", IDS, "Calls before call_id that led to it, in order")
TEMPLATE_HASH = Column("template_hash", pl.String, "Hash of the template text that built the call")
LICENCE = Column("licence", pl.String, "Licence of the source, inherited; null where undeclared")

SEED_PROMPTS = TableSchema(
    "seed_prompts",
    "prompt_id",
    "Human or public starting prompts, read from files, with file and line.",
    (
        Column("prompt_id", pl.String, "Id from the messages"),
        ROUND,
        Column("messages", MESSAGES, "The prompt as turns; ends with a user turn"),
        Column("text", pl.String, "The last user turn"),
        Column("instruction", pl.String, "The text without its input; what generation imitates"),
        Column("text_hash", pl.String, "Equal for equal texts"),
        Column("reference", pl.String, "Reference answer, where the file gives one"),
        Column("demonstration", pl.String, "Answer that is a completion; null for none"),
        Column("category", pl.String, "Category given by the file"),
        Column("source_file", pl.String, "File, relative to the recipe"),
        Column("source_line", pl.Int32, "Line in the file, from 1"),
        LICENCE,
        Column("origin", pl.String, "human, or what the recipe declares"),
        Column("split", pl.String, "train or test, by hash, fixed before generation"),
        Column("drop_reason", pl.String, "Why the seed is not used; null where it is"),
    ),
)

SOURCE_TEXTS = TableSchema(
    "source_texts",
    "source_text_id",
    "Segments of a person's own documents, with file and line; kept and dropped.",
    (
        Column("source_text_id", pl.String, "Id from the text"),
        ROUND,
        Column("family_id", pl.String, "The document: all its segments on one side of the split"),
        Column("position", pl.Int32, "Place in the document, from 0"),
        Column("text", pl.String, "A slice of the document, byte for byte"),
        Column("text_hash", pl.String, "Equal for equal texts"),
        Column("source_file", pl.String, "File, relative to the recipe"),
        Column("source_line", pl.Int32, "Line in the file at which the text begins, from 1"),
        LICENCE,
        Column("origin", pl.String, "human, or what the recipe declares"),
        Column("split", pl.String, "train or test, by hash of the document"),
        Column("drop_reason", pl.String, "Why it is no completion; null where it may be one"),
    ),
)

EVALUATION_PROMPTS = TableSchema(
    "evaluation_prompts",
    "prompt_id",
    "Prompts of evaluation sets, which no training row may overlap with.",
    (
        Column("prompt_id", pl.String, "Id from the messages"),
        ROUND,
        Column("messages", MESSAGES, "The prompt as turns"),
        Column("text", pl.String, "The last user turn"),
        Column("source_file", pl.String, "File, relative to the recipe"),
        Column("source_line", pl.Int32, "Line in the file, from 1"),
        LICENCE,
    ),
)

ROUNDS = TableSchema(
    "rounds",
    "round",
    "The rounds opened so far; the parameters of generation are frozen when one opens.",
    (
        Column("round", pl.Int32, "Number, from 1, in the order of opening"),
        Column("opened_because", pl.String, "first, schedule, seeds or by_hand"),
        Column("seeds_version", pl.String, "Content hash of seed_prompts at the opening"),
        Column("generation", pl.String, "Frozen generation parameters, canonical JSON"),
    ),
)

ROUND_POOL = TableSchema(
    "round_pool",
    "prompt_id",
    "What each round changed in the pool that generation draws on (deltas: a prompt is in the pool "
    "of a round as its newest row up to it says). A prompt has a row for each time it enters or "
    "leaves.",
    (
        Column("prompt_id", pl.String, "Seed, accepted prompt, or source text"),
        Column("round", pl.Int32, "Round from which on this holds"),
        Column(
            "kind",
            pl.String,
            "seed; source; accepted (by an earlier round); left (no longer usable)",
        ),
    ),
)

EDGES = TableSchema(
    "edges",
    "edge_id",
    "Lineage: derived_from (rewritten from, answer to, judgment of), shown_with (stood in the "
    "context of a call).",
    (
        Column("edge_id", pl.String, "Id from the other columns"),
        Column("table_name", pl.String, "Table whose rows brought the edge"),
        ROUND,
        Column("kind", pl.String, "derived_from or shown_with"),
        Column("child_id", pl.String, "Row made; a call_id for shown_with"),
        Column("parent_id", pl.String, "Row it was made from or shown with"),
    ),
)

PROMPT_COLUMNS = (
    Column("prompt_id", pl.String, "Id from method, parents, round, n, position and text"),
    ROUND,
    Column("method", pl.String, "seed, or the method that made it"),
    Column("operator", pl.String, "Rule by which the prompt was rewritten; null elsewhere"),
    Column("generation", pl.Int32, "Rewrites between the round's pool and this row; 0 for none"),
    Column("position", pl.Int32, "Place among the items of one reply, from 0"),
    Column("derived_from", IDS, "Prompts this one was rewritten from"),
    Column("family_id", pl.String, "Root of derived_from: one side of the split per family"),
    Column("split", pl.String, "train or test, inherited from the family"),
    Column("messages", MESSAGES, "The prompt as turns; ends with a user turn"),
    Column("text", pl.String, "The last user turn"),
    Column("instruction", pl.String, "What generation imitates and novelty compares"),
    Column("text_hash", pl.String, "Equal for equal texts"),
    Column("reference", pl.String, "Reference answer, where one is known"),
    Column("given_completion", pl.String, "Completion that came with the prompt; null for none"),
    Column("given_origin", pl.String, "human or model:NAME: who wrote it; null for none"),
    Column("category", pl.String, "Category of the seed; null where made"),
    Column("nearest", NEIGHBOURS, "Up to 10 nearest prompts by ROUGE-L F1, nearest first"),
    Column("nearest_score", pl.Float64, "ROUGE-L F1 of the nearest; null where not compared"),
    Column("model", pl.String, "Model that wrote the prompt; null for a seed"),
    Column("other_models", IDS, "Other models whose words stand in its turns; null for none"),
    Column("call_ids", IDS, "Calls the row rests on, in order"),
    TEMPLATE_HASH,
    LICENCE,
    Column("origin", pl.String, "human, or model:NAME"),
    Column("drop_reason", pl.String, "Rule that dropped the row; null where it is kept"),
)
MUTATED_PROMPTS = TableSchema(
    "mutated_prompts",
    "prompt_id",
    "Seeds and every method's candidates under the rules across methods. Kept and dropped together "
    "account for every candidate.",
    (
        *PROMPT_COLUMNS,
        Column("dropped_by", pl.String, "Table whose rule dropped the row; null where it is kept"),
        Column(
            "licences", IDS, "Licences of its seeds and of every model that wrote it or an ancestor"
        ),
    ),
)

COMPLETION_COLUMNS = (
    Column("completion_id", pl.String, "Id from prompt, teacher, principle, sample and text"),
    PROMPT_ID,
    ROUND,
    Column("teacher", pl.String, "The recipe's name of the model; human for a person's text"),
    Column("model", pl.String, "The model as the transport names it"),
    Column("sample_index", pl.Int32, "Which draw for this prompt and teacher, from 0"),
    Column("principle", pl.String, "Principle given as system text; null for none"),
    Column("system_text", pl.String, "System text the teacher saw; null for none"),
    Column("text", pl.String, "The answer; null where the status says why"),
    Column("text_hash", pl.String, "Equal for equal texts; null where there is none"),
    Column(
        "status",
        pl.String,
        "ok, cut, refused, empty or failed; retracted, with its text: its prompt was withdrawn",
    ),
    Column("error", pl.String, "Kind of error where the call failed"),
    Column("is_self_training", pl.Boolean, "The teacher is the recipe's student"),
    Column("method", pl.String, "teacher, given (it came with its prompt), or a method's name"),
    Column(
        "is_for_pairs_only",
        pl.Boolean,
        "Never in sft_set; in pairs, chosen by a rating only where a teacher was asked",
    ),
    CALL_ID,
    EARLIER_CALL_IDS,
    TEMPLATE_HASH,
    LICENCE,
    Column("origin", pl.String, "model:NAME, or human"),
)
COMPLETIONS = TableSchema(
    "completions",
    "completion_id",
    "Completions of every kept prompt: teachers', methods', those that came with a prompt. Those "
    "of withdrawn prompts stay, marked.",
    COMPLETION_COLUMNS,
)

TEACHER_LOGPROBS = TableSchema(
    "teacher_logprobs",
    "completion_id",
    "Log probabilities of teachers' tokens, for soft labels; read from the stored replies.",
    (
        COMPLETION_ID,
        PROMPT_ID,
        ROUND,
        Column(
            "status",
            pl.String,
            "ok; not_given: the endpoint told none; no_call: nobody asked; retracted",
        ),
        Column("tokens", TOKENS, "Tokens in order, each with the likeliest ones at its place"),
        CALL_ID,
    ),
)

VERIFICATIONS = TableSchema(
    "verifications",
    "completion_id",
    "Verdict of math-verify on each completion's final answer against the reference.",
    (
        COMPLETION_ID,
        PROMPT_ID,
        ROUND,
        Column("status", pl.String, "verified, refuted, unparsed or no_reference; retracted"),
        Column("extracted", pl.String, "Final answer found in the completion"),
        Column("reference", pl.String, "Final answer found in the reference"),
    ),
)

RATING_COLUMNS = (
    Column("judgment_id", pl.String, "Id from completion, judge and criterion"),
    COMPLETION_ID,
    PROMPT_ID,
    ROUND,
    Column("judge", pl.String, "The recipe's name of the judge"),
    Column("criterion", pl.String, "Dimension rated"),
    Column("rating", pl.Float64, "Rating on its scale; null unless the status is ok or retracted"),
    Column("rationale", pl.String, "The judge's reason"),
    Column(
        "status",
        pl.String,
        "ok, not_applicable, out_of_scale, missing, unparsed, failed; retracted with its prompt",
    ),
    Column("position", pl.Int32, "Place at which the judge saw the completion, from 0"),
    Column("order_seed", pl.String, "Seed of the shuffled order"),
    CALL_ID,
    EARLIER_CALL_IDS,
    TEMPLATE_HASH,
)
PAIR_COLUMNS = (
    Column("pair_candidate_id", pl.String, "Id from method and both completions"),
    PROMPT_ID,
    ROUND,
    Column("method", pl.String, "Method that made the pair"),
    Column(
        "chosen_completion_id", pl.String, "The better one; the first shown where status is tie"
    ),
    Column("rejected_completion_id", pl.String, "The worse one"),
    Column("margin", pl.Float64, "How much better, on the method's scale; null where unknown"),
    Column("soft_label", pl.Float64, "Probability that chosen is better, 0 to 1; null for none"),
    Column(
        "judge",
        pl.String,
        "The recipe's name of the judge, of a panel all with ', ' between; null where none was",
    ),
    Column("rationale", pl.String, "The judge's reason"),
    Column("status", pl.String, "ok, tie, inconsistent, ambiguous, unparsed or failed"),
    Column("call_ids", IDS, "Calls the row rests on, in order"),
    TEMPLATE_HASH,
    Column("drop_reason", pl.String, "Why it is no pair; null where it may be one"),
)
PREFERENCE_CANDIDATES = TableSchema(
    "preference_candidates",
    "pair_candidate_id",
    "Pairs of completions by every method that makes pairs; kept and dropped.",
    PAIR_COLUMNS,
)

FILTER_COLUMNS = (
    Column("filter_id", pl.String, "Id from filter and completion"),
    COMPLETION_ID,
    PROMPT_ID,
    ROUND,
    Column("filter", pl.String, "The method, and after a colon its rule where it has several"),
    Column("score", pl.Float64, "What the rule looked at; null where it has no number"),
    Column("status", pl.String, "ok, or why there is no score"),
    Column("holds_for", pl.String, "sft: keeps it out of sft_set; all: out of pairs too"),
    Column("call_ids", IDS, "Calls the row rests on, in order"),
    Column("drop_reason", pl.String, "Rule that drops the completion; null where it passes"),
)
COMPLETION_FILTERS = TableSchema(
    "completion_filters",
    "filter_id",
    "What every filter says of each completion; one that passes has no drop reason.",
    FILTER_COLUMNS,
)

JUDGMENTS = TableSchema(
    "judgments",
    "judgment_id",
    "Every rating and verdict in one long table.",
    (
        Column("judgment_id", pl.String, "Id of the rating or verification"),
        COMPLETION_ID,
        PROMPT_ID,
        ROUND,
        Column("kind", pl.String, "rating, verification, or the method whose scale is another"),
        Column("method", pl.String, "Method that judged; verification for math-verify"),
        Column("judge", pl.String, "Judge's name, or math_verify"),
        Column("criterion", pl.String, "Dimension rated, or answer"),
        Column("rating", pl.Float64, "Rating; null for a verdict or where the status says why"),
        Column("rationale", pl.String, "The judge's reason; null for a verification"),
        Column("status", pl.String, "Status of the rating or verdict of the verification"),
        Column("call_id", pl.String, "Call the row rests on; null for a verification"),
        EARLIER_CALL_IDS,
    ),
)

CALLS = TableSchema(
    "calls",
    "call_id",
    "Every call ever made, for all recipes: the memory that all other tables are made from.",
    (
        Column("call_id", pl.String, "Hash of key, attempt and raw reply"),
        Column("key", pl.String, "Identity of the request"),
        Column("attempt", pl.Int32, "Which asking of this key, from 0"),
        Column("provider", pl.String, "Transport and provider"),
        Column("endpoint", pl.String, "Address without credentials"),
        Column("model", pl.String, "Model as the transport names it"),
        Column("asked_for", pl.String, "recipe.table that paid for it"),
        Column("request", pl.String, "Canonical request, JSON"),
        Column("raw_reply", pl.String, "The body as it came, kept before it is parsed"),
        Column("status", pl.String, "ok, cut, refused, empty or failed"),
        Column("text", pl.String, "Text of the reply; null where there is none"),
        Column("finish_reason", pl.String, "As the endpoint says"),
        Column("error", pl.String, "Kind of error and message, secrets removed"),
        Column("input_tokens", pl.Int64, "Tokens of the request"),
        Column("output_tokens", pl.Int64, "Tokens of the reply"),
        Column("cost_usd", pl.Float64, "Money; null where the price is unknown"),
        Column("latency_s", pl.Float64, "Seconds from sending to the whole reply"),
        Column("asked_at", pl.Datetime("us"), "UTC time of sending"),
    ),
)

COMMITS = TableSchema(
    "commits",
    "commit_id",
    "What was committed when, from which inputs: the truth for skipping, status and versions.",
    (
        Column("commit_id", pl.String, "Id from the other columns"),
        Column("number", pl.Int64, "Order of commits of one recipe, from 1"),
        Column("recipe", pl.String, "Recipe"),
        Column("table_name", pl.String, "Table committed"),
        Column("round", pl.Int32, "Round committed; 0 where the table has no rounds of its own"),
        Column("fingerprint", pl.String, "Stage fingerprint: parameters, templates, code"),
        Column("fingerprint_parts", pl.String, "What the fingerprint covers, part by part, JSON"),
        Column("inputs", pl.String, "Content hash of each input as it was read, JSON"),
        Column("content_hash", pl.String, "Content hash of the rows committed"),
        Column("table_hash", pl.String, "Content hash of the whole table after the commit"),
        Column(
            "round_hashes",
            pl.String,
            "Round → content hash of its rows, JSON, of a table committed as a whole whose rounds "
            "are read one by one; else null",
        ),
        Column("row_count", pl.Int64, "Rows of the round (or table) after the commit"),
        Column("rows_new", pl.Int64, "Rows the commit added or changed"),
        Column("rows_gone", pl.Int64, "Rows the commit removed or changed"),
        Column("items_parsed", pl.Int64, "Candidates parsed from replies; null where none are"),
        Column(
            "failed_replies", pl.Int64, "Replies that failed; where any did, they are asked again"
        ),
        Column("run_id", pl.String, "Dagster run"),
        Column("versions", pl.String, "Versions of the libraries that matter, JSON"),
        Column("committed_at", pl.Datetime("us"), "UTC time"),
    ),
)

CHECK_OUTCOMES = TableSchema(
    "check_outcomes",
    "outcome_id",
    "Checks that passed, each with a hash of all that its outcome rests on: while that is the "
    "same, it is not run again. A failure is never kept, since it is found anew each time.",
    (
        Column("outcome_id", pl.String, "Id from table and check"),
        Column("table_name", pl.String, "Table checked"),
        Column("check_name", pl.String, "The check"),
        Column(
            "rests_on", pl.String, "Hash of the check itself and of the content of all it reads"
        ),
        Column("number", pl.Int64, "Number of the table's commit in which it was found"),
        Column("read_version", pl.Int64, "Version of the lake in which it read other tables"),
    ),
)

TAGS = TableSchema(
    "tags",
    "tag",
    "Names of versions of the lake, each with all words that its tables were made from.",
    (
        Column("tag", pl.String, "The name"),
        Column("recipe", pl.String, "Recipe that was tagged"),
        Column("version", pl.Int64, "Version of the lake"),
        Column("tagged_at", pl.Datetime("us"), "UTC time"),
        Column("note", pl.String, "What a person said of it; null where nothing"),
        Column(
            "contents",
            pl.String,
            "Recipe, templates, SQL; versions of code and packages; content hashes; JSON",
        ),
        Column("erased", pl.String, "What was erased from the version since; null where nothing"),
    ),
)

RETRACTIONS = TableSchema(
    "retractions",
    "retraction_id",
    "The journal of what was withdrawn, and why: seeds, files, models, single rows. It stays when "
    "what it names is erased.",
    (
        Column("retraction_id", pl.String, "Id from the other columns but the counts"),
        Column("kind", pl.String, "row, seed_file or model"),
        Column("target", pl.String, "Id, file as in seed_prompts, or the recipe's model name"),
        Column("row_ids", IDS, "Rows withdrawn by id, and erased copies of them"),
        Column("reason", pl.String, "As the person who withdrew it said"),
        Column("through_context", pl.Boolean, "What was written with it as an example goes too"),
        Column("is_erased", pl.Boolean, "The text itself was removed, from old versions too"),
        Column("affected", pl.String, "Table → rows affected at that time, JSON"),
        Column(
            "tagged",
            pl.String,
            "Tag → table → rows of its version affected, JSON; null in rows of an older package",
        ),
    ),
)

ERASURES = TableSchema(
    "erasures",
    "retraction_id",
    "Which versions of the lake a retraction that erased removed: those in between that were "
    "tagged are gone too.",
    (
        Column("retraction_id", pl.String, "The retraction"),
        Column("first_version", pl.Int64, "First version of the lake that is gone"),
        Column("last_version", pl.Int64, "Last version of the lake that is gone"),
    ),
)

TABLES = {
    schema.name: schema
    for schema in (
        SEED_PROMPTS,
        SOURCE_TEXTS,
        EVALUATION_PROMPTS,
        ROUNDS,
        ROUND_POOL,
        EDGES,
        MUTATED_PROMPTS,
        COMPLETIONS,
        TEACHER_LOGPROBS,
        VERIFICATIONS,
        JUDGMENTS,
        PREFERENCE_CANDIDATES,
        COMPLETION_FILTERS,
        CALLS,
        COMMITS,
        CHECK_OUTCOMES,
        TAGS,
        RETRACTIONS,
        ERASURES,
    )
}
