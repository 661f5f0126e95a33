"""One asset for each text space, retrieval_quality/<space>: how well its passages are found, plotted over time."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.metadata import QUALITY_COLUMNS
from morpheus_assets.defs.assets.values import OWNERS, space_tags
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.asset_names import asset_name

if TYPE_CHECKING:
    from morpheus_assets.services.evaluation.evaluate import Measured
    from morpheus_assets.services.evaluation.measures import Measures

SHOWN = 40


def quality_key(space: Space) -> dg.AssetKey:
    """The key of the asset that tells how well a space finds."""
    return dg.AssetKey(["retrieval_quality", asset_name(space)])


def build_retrieval_quality_asset(space: Space) -> dg.AssetsDefinition:
    """The asset of a text space."""

    @dg.asset(
        key=quality_key(space),
        deps=[embeddings_key(space)],
        group_name="search",
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=space_tags(space),
        code_version="1",
        pool=space.provider,
        metadata={"dagster/column_schema": QUALITY_COLUMNS, "dagster/table_name": "retrieval_quality"},
        description=f"How well the space `{space.key}` finds what people ask for: the questions of `content/questions`,"
        " and others made of stored passages (a sentence; five of its rarer words), asked through the same search as"
        " people's.\n\nrecall@1, @5 and @10, MRR and nDCG by kind of question and by novel, and what came first where"
        " the answer did not. A run embeds some hundred short questions.",
    )
    def retrieval_quality(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.MaterializeResult:
        from morpheus_assets.services.evaluation.evaluate import evaluate, questions_for
        from morpheus_assets.services.evaluation.gate import remember
        from morpheus_assets.services.evaluation.question_files import take_in_questions
        from morpheus_assets.store.evaluation.questions import questions_digest
        from morpheus_assets.store.spaces.spaces import list_spaces

        engine, settings = database.engine, database.settings
        row = next((row for row in list_spaces(engine, "text") if row.key == space.key), None)
        files = take_in_questions(engine, settings)
        for fault in files.faults:
            context.log.warning(fault)
        if row is None:
            return dg.MaterializeResult(metadata={"questions": 0, "note": "Nothing was embedded in this space yet."})
        measured = evaluate(engine, settings, row, questions_for(engine, files.questions))
        for sentence in measured.unknown:
            context.log.warning(sentence)
        remember(engine, measured, questions_digest(engine))
        return dg.MaterializeResult(metadata=_metadata(measured, files.faults))

    return retrieval_quality


def _metadata(measured: "Measured", faults: tuple[str, ...]) -> dict[str, Any]:
    from morpheus_assets.services.evaluation.measures import by_kind, by_novel, failed

    kinds = by_kind(measured.outcomes)
    missed = failed(measured.outcomes)
    numbers: dict[str, Any] = {"questions": len(measured.outcomes), "failed": len(missed), "tokens": measured.tokens}
    for kind, found in kinds.items():
        # Dagster draws each number over time
        numbers |= {f"{kind}: {name}": value for name, value in _values(found).items() if name != "questions"}
    tables = {
        "by kind": _table("kind", kinds),
        "by novel": _table("novel", by_novel(measured.outcomes)),
        "questions that failed": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "question": outcome.question.question,
                        "novel": outcome.question.novel,
                        "kind": outcome.question.kind,
                        "came instead": outcome.instead,
                    }
                )
                for outcome in missed[:SHOWN]
            ]
        )
        if missed
        else "none",
    }
    said = [*faults, *measured.unknown]
    return {**numbers, **tables, **({"not asked": dg.MetadataValue.md("\n\n".join(said))} if said else {})}


def _table(name: str, rows: "dict[str, Measures]") -> dg.MetadataValue:
    if not rows:
        return dg.MetadataValue.text("nothing was asked")
    return dg.MetadataValue.table([dg.TableRecord({name: key, **_values(found)}) for key, found in rows.items()])


def _values(found: "Measures") -> dict[str, int | float]:
    return {
        "questions": found.questions,
        "recall@1": round(found.recall_1, 4),
        "recall@5": round(found.recall_5, 4),
        "recall@10": round(found.recall_10, 4),
        "MRR": round(found.mrr, 4),
        "nDCG": round(found.ndcg, 4),
    }
