"""Submitting and collecting batch jobs in processes of their own, to be killed."""

from dataclasses import replace
from multiprocessing.process import BaseProcess
from typing import Any

from morpheus_assets_tests.fixtures.forked_processes import context


def start(work: str, settings: dict[str, Any], max_inputs: int) -> BaseProcess:
    """`work` is "submit" or "collect", with jobs of at most so many inputs."""
    process = context().Process(target=_work, args=(work, settings, max_inputs), daemon=True)
    process.start()
    return process


def _work(work: str, values: dict[str, Any], max_inputs: int) -> None:
    from morpheus_assets.services import batch_jobs
    from morpheus_assets.services.reembedding_plan import make_plan
    from morpheus_assets.settings import Settings
    from morpheus_assets.store.database.engine import open_engine
    from morpheus_assets.store.spaces.batch_jobs import end_batch_job

    settings = Settings(_env_file=None, **values)
    engine = open_engine(values["database_url"])
    terms = batch_jobs.batch_terms
    batch_jobs.batch_terms = lambda *of: replace(terms(*of), max_inputs=max_inputs)
    if work == "submit":
        for plan in make_plan(engine, settings, batch=True).spaces:
            batch_jobs.submit_plan(engine, settings, plan, print)
    else:
        for done in batch_jobs.collect_jobs(engine, settings, lambda *_: iter(()), print):
            end_batch_job(engine, done.job)
