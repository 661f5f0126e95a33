"""Standing check on how pages were cut: many doubtful ones ask for a look, or for a person's boxes."""

import dagster as dg

from morpheus_assets.defs.assets.panels import regions
from morpheus_assets.defs.checks.fault_lists import fault_list, summary
from morpheus_assets.defs.resources import DatabaseResource

MOST_DOUBTFUL = 0.3
FEWEST_PAGES = 5


@dg.asset_check(asset=regions, name="few_pages_are_doubtful")
def few_pages_are_doubtful(database: dg.ResourceParam[DatabaseResource]) -> dg.AssetCheckResult:
    """Warns when more than 30 % of a novel's pages, of five or more, are cut doubtfully; names these novels."""
    from morpheus_assets.store.content.regions import doubtful_pages

    found = doubtful_pages(database.engine)
    worst = [row for row in found if row.pages >= FEWEST_PAGES and row.doubtful > MOST_DOUBTFUL * row.pages]
    pages, doubtful = sum(row.pages for row in found), sum(row.doubtful for row in found)
    told = [
        f"{row.novel}: {row.doubtful} of {row.pages} pages; look at them in the materialization of `regions`, and"
        f" correct boxes in content/panels/{row.novel}/regions.tsv"
        for row in worst
    ]
    return dg.AssetCheckResult(
        passed=not worst,
        severity=dg.AssetCheckSeverity.WARN,
        description=summary(told, f"{doubtful} of {pages} pages are cut doubtfully, with tiles beside their panels"),
        metadata={"pages": pages, "doubtful": doubtful, **fault_list(told)},
    )


PAGE_CHECKS = [few_pages_are_doubtful]
