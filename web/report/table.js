// Tables: sortable by every column, long ones folded; and the numbers behind each figure.
"use strict";

const kRowsShown = 60;
const kColumnsWide = 12; // more are set closer, so that a screen of usual width holds them

raie.cellOf = function (column, cell, isName) {
  const left = raie.isText(column);
  const kind = column.format === "words" ? "words" : left ? "left" : null;
  const node = raie.element(isName ? "th" : "td", { class: kind, scope: isName ? "row" : null });
  node.textContent = raie.textOf(column, cell);
  if (column.format === "verdict" && ["better", "worse"].includes(cell)) node.classList.add(cell);
  if (raie.isInterval(column) && cell !== null) {
    const format = raie.formats[column.format];
    const range = `[${format(cell.low)}, ${format(cell.high)}]`;
    node.append(raie.element("span", { class: "range" }, range));
  }
  return node;
};

// Orders rows by a column; what is absent comes last either way.
raie.sorted = function (rows, place, descending) {
  const order = descending ? d3.descending : d3.ascending;
  const absent = (value) => value === null || value === undefined || value === "";
  return rows.slice().sort((a, b) => {
    const [left, right] = [raie.valueOf(a[place]), raie.valueOf(b[place])];
    if (absent(left) || absent(right)) return absent(left) - absent(right);
    return order(left, right);
  });
};

raie.tableOf = function (block) {
  const head = raie.element("tr", {});
  const body = raie.element("tbody", {});
  const more = raie.element("button", { type: "button" });
  let rows = block.rows;
  let shown = rows.length > kRowsShown + 10 ? kRowsShown : rows.length;
  const fill = () => {
    body.replaceChildren(
      ...rows
        .slice(0, shown)
        .map((row) =>
          raie.element("tr", {}, ...row.map((cell, i) => raie.cellOf(block.columns[i], cell, i === 0))),
        ),
    );
    more.hidden = shown >= rows.length;
    more.textContent = `Show all ${rows.length} rows`;
  };
  more.addEventListener("click", () => {
    shown = rows.length;
    fill();
  });
  block.columns.forEach((column, i) => {
    const sort = () => {
      const descending = cell.getAttribute("aria-sort") === "ascending";
      head.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      rows = raie.sorted(block.rows, i, descending);
      fill();
    };
    const button = raie.element(
      "button",
      { type: "button", title: column.help, onclick: sort },
      column.label,
    );
    const cell = raie.element("th", { scope: "col", class: raie.isText(column) ? "left" : null }, button);
    head.append(cell);
  });
  fill();
  const wide = block.columns.length > kColumnsWide ? "wide" : null;
  const table = raie.element("table", { class: wide }, raie.element("thead", {}, head), body);
  const scroll = raie.element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": block.title },
    table,
  );
  return [scroll, more];
};

raie.csvButton = (block) =>
  raie.element(
    "button",
    {
      type: "button",
      class: "csv",
      onclick: () => raie.save(block.id + ".csv", "text/csv", raie.csv(block)),
    },
    "Numbers (CSV)",
  );

raie.blocks.table = function (block) {
  const parts = [
    block.takeaway ? raie.element("p", { class: "takeaway" }, block.takeaway) : null,
    ...raie.tableOf(block),
    block.note ? raie.element("p", { class: "note" }, block.note) : null,
    raie.element("div", { class: "tools" }, raie.csvButton(block)),
  ];
  if (!block.folded) {
    return raie.element(
      "div",
      { class: "block", id: block.id },
      raie.element("h3", {}, block.title),
      ...parts,
    );
  }
  const summary = raie.element("summary", {}, block.title);
  return raie.element("details", { class: "block", id: block.id }, summary, ...parts);
};

// A figure's numbers, made when they are first looked at.
raie.numbersOf = function (block) {
  const details = raie.element("details", {}, raie.element("summary", {}, "Numbers as a table"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(...raie.tableOf(block));
  });
  return details;
};
