"""LL133: money as people write it, read one way for the whole column."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.config.schema import Config, Engine
from leadline.config.tables import Spend
from leadline.storage import open_store
from leadline.tables.read import resolve, run_canonical, unreadable
from leadline.tables.schema import columns_of


def read(folder: Path, said: list[str]) -> tuple[list[int | None], list[tuple[str, str]]]:
    file = folder / "spend.csv"
    file.write_text("campaign,month,cost\n" + "".join(f'c{n},2024-01,"{cost}"\n' for n, cost in enumerate(said)))
    section = Spend(source=str(file), campaign="campaign", month="month", cost="cost")
    config, store = Config.model_construct(timezone="UTC"), open_store(Engine(threads=1, memory="500MB"))
    columns = columns_of("spend", section)
    there = store.read("raw_spend", section.source, [c.source for c in columns])
    resolved, told = run_canonical("spend", section, resolve("spend", columns, there)[0], (), there, config, store)
    told += unreadable("spend", resolved, there, config, store, None)
    made = [row[0] for row in store.rows('SELECT cost FROM all_spend ORDER BY "row"')]
    store.close()
    return made, [(f.code, f.severity.value) for f in told]


@pytest.mark.parametrize(
    ("said", "cents"),
    [
        (["1,234.50", "12"], [123450, 1200]),
        (["1.234,50", "12"], [123450, 1200]),
        (["1.234,50", "1.234"], [123450, 123400]),
        (["12,5", "3,25"], [1250, 325]),
        (["$1,234", "€12"], [123400, 1200]),
        (["1 234,50 €", ""], [123450, None]),
        (["1,234", "999"], [123400, 99900]),
        (["(1,200)", "45"], [-120000, 4500]),
    ],
)
def test_the_way_that_fits_every_row_is_found_and_told(
    tmp_path: Path, said: list[str], cents: list[int | None]
) -> None:
    assert read(tmp_path, said) == (cents, [("LL133", "note")])


def test_plain_numbers_raise_no_question_and_words_are_an_error(tmp_path: Path) -> None:
    assert read(tmp_path, ["12.5", "1e3", "", "1.234"]) == ([1250, 100000, None, 123], [])
    assert read(tmp_path, ["1,234.50", "much"]) == ([None, None], [("LL105", "error")])
    assert read(tmp_path, ["1,234.50", "1.234,50"]) == ([None, None], [("LL105", "error")])


def test_points_that_may_mark_thousands_are_warned_of(tmp_path: Path) -> None:
    assert read(tmp_path, ["1.234", "2.500", "12.000", "1.100", "9.999", "300"])[1] == [("LL133", "warning")]
    assert read(tmp_path, ["1.234", "2.5", "12.000", "1.100", "9.999", "7.777"])[1] == []
