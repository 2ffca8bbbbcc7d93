"""The report in a real browser: no request, hostile text does nothing, the control and the tables work.

To drive the page, a probe script is put into a copy of it, without the page's policy; what it saw it leaves in the
body as JSON. The page itself has no hook for tests.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from leadline.report.pages.page import report_page

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from page_parser import parsed
from page_records import CODES, HOSTILE, changed, record

if TYPE_CHECKING:
    from conftest import Browser

PROBE = r"""
const range = document.querySelector("input"), output = document.querySelector("output");
const read = () => ({said: output.textContent, value: range.getAttribute("aria-valuetext"),
                     shown: Array.from(document.querySelectorAll("dd"), (dd) => dd.textContent)});
const move = (to) => {
  range.value = to;
  for (const kind of ["input", "change"]) range.dispatchEvent(new Event(kind, {bubbles: true}));
  return read();
};
const column = (key, n) => Array.from(document.getElementById(key).tBodies[0].rows, (tr) => tr.cells[n].textContent);
const press = (key, n) => {
  const th = document.getElementById(key).tHead.rows[0].cells[n];
  th.querySelector("button").click();
  return {way: th.getAttribute("aria-sort"), cells: column(key, n), rows: column(key, 0),
          marked: document.querySelectorAll(`#${key} th[aria-sort]`).length};
};
const seen = {start: read(), first: move(0), last: move(range.max), back: move(range.defaultValue)};
seen.lift = [press("behaviours", 6), press("behaviours", 6)];
seen.words = press("behaviours", 0);
press("cuts", 3);
seen.sorted = move(range.defaultValue);
seen.wide = document.documentElement.scrollWidth - innerWidth;
seen.tabbed = Array.from(document.querySelectorAll("a, button, input, summary, [tabindex]")).every((e) => e.tabIndex >= 0);
seen.names = Array.from(document.querySelectorAll("button")).every((b) => b.textContent.trim());
document.body.replaceChildren(document.createElement("pre"));
document.querySelector("pre").textContent = JSON.stringify(seen);
"""


@pytest.fixture(scope="module")
def seen(chromium: Browser) -> dict[str, Any]:
    """What the probe saw, in a narrow window."""
    return chromium.probed(report_page(record()), PROBE, width=420)


def rows(key: str) -> list[list[str]]:
    table = next(t for t in parsed(report_page(record())).all("table") if t.attributes["id"] == key)
    return [[c.text for c in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]


def hosts(chromium: Browser, place: Path, log: Path) -> tuple[str, set[str]]:
    """Return the page after its script ran, and the hosts asked; what Chromium asks for itself isn't the page's."""
    dom = chromium(place, "--dump-dom", f"--log-net-log={log}")
    asked = set(re.findall(r'"url":"https?://([^/"]+)', log.read_text(encoding="utf-8")))
    return dom, {host for host in asked if not host.endswith((".google.com", ".googleapis.com"))}


@pytest.mark.parametrize("kind", ["report", "lead"])
def test_the_script_runs_and_nothing_is_asked_of_anybody(
    chromium: Browser, pages: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    dom, asked = hosts(chromium, pages[kind], tmp_path / "net.json")
    assert not asked and dom.count('<button type="button">') > 10, "the tables can't be sorted: the script didn't run"
    if kind == "report":
        assert re.search(r'id="control" data-table="cuts">', dom), "the control is still hidden: the script didn't run"


def test_the_policy_stops_what_escaping_would_let_through(chromium: Browser, tmp_path: Path) -> None:
    evil = "<script>document.title='owned'</script><img src='http://leak.invalid/x'></body>"
    forged, open_page = report_page(record()).replace("</body>", evil), tmp_path / "open.html"
    place = tmp_path / "forged.html"
    place.write_text(forged, encoding="utf-8")
    open_page.write_text(re.sub(r"<meta http-equiv=.*?>", "", forged), encoding="utf-8")
    dom, asked = hosts(chromium, place, tmp_path / "net.json")
    assert "<title>acme" in dom and not asked
    dom, asked = hosts(chromium, open_page, tmp_path / "open.json")  # without it, both happen: the test can see them
    assert "<title>owned" in dom and asked == {"leak.invalid"}


def test_hostile_text_does_nothing(chromium: Browser, tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_text(
        report_page(changed(record(), lambda v: v + HOSTILE if isinstance(v, str) and v not in CODES else v)), "utf-8"
    )
    dom = chromium(place, "--dump-dom")
    assert dom.count("<script") == 1 and "<img" not in dom and '<button type="button">' in dom
    assert "<title>owned" not in dom and "<title>acme" in dom


def test_the_control_starts_at_the_capacity_and_moves_to_the_tables_figures(seen: dict[str, Any]) -> None:
    fine, table = rows("cuts"), rows("capacity")
    assert seen["start"]["shown"] == table[2] == seen["back"]["shown"]
    assert seen["first"]["shown"] == fine[0] and seen["last"]["shown"] == fine[-1]
    assert seen["last"]["value"] == f"{fine[-1][0]} leads a week"


def test_the_control_speaks(seen: dict[str, Any]) -> None:
    row = rows("cuts")[0]
    assert seen["first"]["said"].startswith(f"{row[0]} leads a week, {row[1]} SQLs a week, {row[2]} precision")
    assert seen["start"]["said"] == seen["back"]["said"] != seen["first"]["said"]


def test_the_control_stays_true_where_its_table_is_sorted(seen: dict[str, Any]) -> None:
    assert seen["sorted"] == seen["back"]


def test_tables_sort_by_figures_with_what_has_none_last(seen: dict[str, Any]) -> None:
    down, up = seen["lift"]
    figures = [float(cell) for cell in down["cells"][:-1]]
    assert down["way"] == "descending" and figures == sorted(figures, reverse=True) and len(figures) == 4
    assert up["way"] == "ascending" and up["cells"] == [*down["cells"][:-1][::-1], "too few to say"]


def test_tables_sort_by_words_and_one_heading_says_so(seen: dict[str, Any]) -> None:
    assert seen["words"]["rows"] == sorted(seen["words"]["rows"]) and seen["words"]["way"] == "ascending"
    assert seen["words"]["marked"] == 1


def test_all_is_in_reach_of_the_keyboard_and_fits_a_narrow_window(seen: dict[str, Any]) -> None:
    assert seen["tabbed"] and seen["names"] and seen["wide"] <= 0


@pytest.mark.parametrize(
    ("kind", "width", "theme"),
    [("report", 1280, "light"), ("report", 420, "dark"), ("lead", 1280, "dark"), ("lead", 420, "light")],
)
def test_it_is_drawn_at_two_widths_in_light_and_dark(
    chromium: Browser, pages: dict[str, Path], tmp_path: Path, kind: str, width: int, theme: str
) -> None:
    """Screenshots for review: look at them with --basetemp."""
    shot = tmp_path / f"{kind}_{width}_{theme}.png"
    chromium(
        pages[kind], f"--screenshot={shot}", f"--window-size={width},6000",
        f"--blink-settings=preferredColorScheme={int(theme == 'light')}",
    )  # fmt: skip
    assert shot.read_bytes().startswith(b"\x89PNG") and shot.stat().st_size > 50_000


def test_it_prints(chromium: Browser, tmp_path: Path) -> None:
    plain_page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    plain_page.write_text(report_page(record()), encoding="utf-8")
    chromium(plain_page, f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF") and paper.stat().st_size > 20_000


def test_a_page_without_weeks_has_no_control(chromium: Browser, tmp_path: Path) -> None:
    place = tmp_path / "flat.html"
    made = record() | {"capacity": [], "curve": []}
    place.write_text(report_page(made), encoding="utf-8")
    dom: str = chromium(place, "--dump-dom")
    assert "<input" not in dom and '<button type="button">' in dom
