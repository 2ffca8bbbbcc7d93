"""LL202: attributes read where the outcome stands."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suspects import created, dated, flat, instants, outcomes, told, words

JOINED = "select o.*, d.segment from '{0}/own.parquet' as o left join '{0}/deals.parquet' as d using (lead_id)"
ALONE = "select * from '{0}/own.parquet'"
STAGES = "select lead_id, 'sql' as stage, changed_at from '{0}/deals.parquet'"


@pytest.mark.parametrize(
    ("leads", "attributes", "refused"),
    [(JOINED, ["city", "segment"], ["segment"]), (JOINED, ["city"], []), (ALONE, ["city"], [])],
)
def test_a_column_joined_from_the_outcomes_file_is_refused(tmp_path, leads, attributes, refused) -> None:
    _, y = outcomes()
    ids, at = [f"L{i}" for i in range(len(y))], created()
    who = [i for i, won in enumerate(y) if won]
    own = {"lead_id": ids, "city": ["Rome", "Oslo"] * (len(y) // 2), "created_at": instants(at)}
    deals = {
        "lead_id": [ids[i] for i in who], "segment": ["pet"] * len(who), "city": ["Rome"] * len(who), "changed_at": instants(at[who] + 1_000),
    }  # fmt: skip
    pq.write_table(pa.table(own), tmp_path / "own.parquet")
    pq.write_table(pa.table(deals), tmp_path / "deals.parquet")
    sources = {
        "leads": {"source": {"query": leads.format(tmp_path)}, "attributes": attributes},
        "stages": {"source": {"query": STAGES.format(tmp_path)}},
    }
    assert told(dated(tmp_path, y, {}, sections=sources), "LL202") == refused


def test_the_outcome_itself_is_no_attribute(tmp_path) -> None:
    _, y = outcomes()
    assert told(flat(tmp_path, y, {}, attributes=["Won"]), "LL202") == ["won"]


def test_the_whole_source_of_stages_is_refused(tmp_path) -> None:
    rng, y = outcomes()
    columns = {
        "stage": ["sql" if won else None for won in y],
        "changed_at": instants(created()),
        "city": words(rng, y, ["a", "b"], [0.5, 0.5], [0.5, 0.5]),
    }
    found = dated(
        tmp_path, y, columns, source=str(tmp_path / "stages.parquet"), created_at="changed_at", attributes=["stage"]
    )
    assert [f.subject for f in found if f.code == "LL202"] == ["tables.leads.attributes"]


@pytest.mark.parametrize(("outside", "refused"), [(None, ["stage"]), ("sql", [])])
def test_a_deals_column_is_refused_where_only_leads_with_a_deal_have_it(tmp_path, outside, refused) -> None:
    _, y = outcomes()
    found = dated(tmp_path, y, {"stage": ["sql" if won else outside for won in y]})
    assert told(found, "LL202") == refused
