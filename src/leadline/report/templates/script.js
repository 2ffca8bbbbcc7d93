
"use strict";
// The threshold control reads the table's own cells, so that its figures are the table's, to the digit.
(function () {
  const control = document.getElementById("control");
  if (control) {
    const range = control.querySelector("input"), output = control.querySelector("output");
    const table = document.getElementById(control.dataset.table);
    const titles = Array.from(table.tHead.rows[0].cells, (th) => th.querySelector("span").textContent);
    const rows = Array.from(table.tBodies[0].rows, (tr) => Array.from(tr.cells, (td) => td.textContent));
    const places = control.querySelectorAll("dd");
    const show = (speak) => {
      const row = rows[range.valueAsNumber];
      places.forEach((dd, n) => { dd.textContent = row[n]; });
      range.setAttribute("aria-valuetext", row[0] + " leads a week");
      if (speak) output.textContent = row.map((text, n) => text + " " + titles[n]).join(", ");
    };
    range.addEventListener("input", () => show(false));
    range.addEventListener("change", () => show(true));
    control.hidden = false;
    show(true);
  }

  // What is folded away on the screen is printed.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));

  // Tables sort by a press on a heading: numbers by data-sort, words by their letters; what has no figure comes last.
  const key = (cell) => cell.dataset.sort === undefined ? NaN : Number(cell.dataset.sort);
  const compare = (a, b, numeric, sign) => {
    if (!numeric) return sign * a.textContent.localeCompare(b.textContent);
    const x = key(a), y = key(b);
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
    return sign * (x - y);
  };
  document.querySelectorAll("table").forEach((table) => {
    const heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0];
    if (body.rows.length < 3) return;
    heads.forEach((th, n) => {
      const title = th.querySelector("span"), button = document.createElement("button");
      button.type = "button";
      button.textContent = title.textContent;
      title.replaceChildren(button);
      button.addEventListener("click", () => {
        const rising = th.getAttribute("aria-sort") ? th.getAttribute("aria-sort") === "descending" : !th.classList.contains("n");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const numeric = Array.from(body.rows).some((tr) => tr.cells[n].dataset.sort !== undefined);
        const sorted = Array.from(body.rows).sort((a, b) => compare(a.cells[n], b.cells[n], numeric, rising ? 1 : -1));
        body.append(...sorted);
      });
    });
  });
})();
