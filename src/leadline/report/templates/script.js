
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

  // What is folded away on the screen is printed, and folded away again; of groups of sections only what the reader opened.
  const shut = () => Array.from(document.querySelectorAll("main details:not([open]):not(.group)"))
    .filter((part) => !part.closest("details.group:not([open])"));
  let opened = [];
  addEventListener("beforeprint", () => { opened = shut(); opened.forEach((part) => { part.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });

  // A narrow window begins with the list of sections folded away; a wide one always shows it.
  const contents = document.getElementById("contents"), wide = matchMedia("(min-width: 64rem)");
  const fold = () => { contents.open = wide.matches; };
  fold();
  wide.addEventListener("change", fold);

  // A link to something that is folded away opens what holds it.
  const open = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (let part = target; part; part = part.parentElement) if (part.localName === "details") part.open = true;
  };
  addEventListener("hashchange", open);
  open();

  // The list of sections marks the one in view.
  const links = new Map(Array.from(contents.querySelectorAll("a"), (a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    links.forEach((a) => a.removeAttribute("aria-current"));
    links.get(entry.target.id).setAttribute("aria-current", "true");
  }), {rootMargin: "-10% 0px -80% 0px"});
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));

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
