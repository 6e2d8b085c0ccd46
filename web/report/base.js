// What all parts of the page share: numbers as text, colours, elements, figures with their tools.
// Every script adds to one object; D3 is there already.
"use strict";

const raie = { charts: {}, blocks: {} };

// --- Numbers and names -------------------------------------------------------------------------

raie.formats = {
  count: d3.format(",d"),
  score: d3.format(".4f"),
  change: d3.format("+.4f"),
  percent: (v) => d3.format(".1f")(100 * v) + " %",
  percent_change: (v) => d3.format("+.1f")(100 * v) + " %",
  number: d3.format(".3~r"),
  degrees: (v) => d3.format(".1f")(v) + "°",
  p: (v) => (v < 1e-4 ? "<.0001" : d3.format(".4f")(v)),
  time: (v) => d3.utcFormat("%Y-%m-%d %H:%M")(new Date(1000 * v)),
  day: (v) => d3.utcFormat("%Y-%m-%d")(new Date(1000 * v)),
  seconds: (v) => (v < 10 ? d3.format(".1f")(v) : d3.format(",.0f")(v)) + " s",
  bytes: (v) => {
    const units = ["B", "kB", "MB", "GB"];
    let unit = 0;
    while (v >= 1000 && unit + 1 < units.length) {
      v /= 1000;
      ++unit;
    }
    return d3.format(unit === 0 ? "d" : ".3~r")(v) + " " + units[unit];
  },
  verdict: (v) => {
    const marks = { better: "▲ better", worse: "▼ worse", same: "○ same", reference: "◆ reference" };
    return marks[v] || v;
  },
};
raie.formats.interval = raie.formats.score;
raie.formats.change_interval = raie.formats.change;

raie.isInterval = (column) => column.format.endsWith("interval");
raie.isText = (column) => ["text", "words", "verdict"].includes(column.format);

// The value that counts: an interval's mean.
raie.valueOf = (cell) => (cell !== null && typeof cell === "object" ? cell.value : cell);

raie.textOf = function (column, cell) {
  const value = raie.valueOf(cell);
  if (value === null || value === undefined || value === "") return "";
  const format = raie.formats[column.format];
  return format ? format(value) : String(value);
};

// Rows as objects by key.
raie.records = (block) =>
  block.rows.map((row) => {
    const record = {};
    block.columns.forEach((column, i) => {
      record[column.key] = row[i];
    });
    return record;
  });

raie.columnOf = (block, key) => block.columns.find((column) => column.key === key);

raie.unique = (values) => Array.from(new Set(values));

raie.shorten = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

// --- Colours and marks -------------------------------------------------------------------------

// Eight colours that colour-blind readers can tell apart; then they repeat, with other marks.
raie.colour = (i) => `var(--c${i % 8})`;
raie.dash = (i) => [null, "6 3", "2 3", "8 3 2 3"][Math.floor(i / 8) % 4];
raie.symbols = [
  d3.symbolCircle,
  d3.symbolSquare,
  d3.symbolTriangle,
  d3.symbolDiamond,
  d3.symbolCross,
  d3.symbolStar,
  d3.symbolWye,
];
raie.symbol = (i, size) =>
  d3
    .symbol()
    .type(raie.symbols[i % raie.symbols.length])
    .size(size)();

const kDown = {
  draw(context, size) {
    const y = -Math.sqrt(size / (Math.sqrt(3) * 3));
    context.moveTo(0, -y * 2);
    context.lineTo(-Math.sqrt(3) * y, y);
    context.lineTo(Math.sqrt(3) * y, y);
    context.closePath();
  },
};

// The mark of a verdict: form and filling say it without colour.
raie.verdictMark = function (verdict, size) {
  const of = {
    better: [d3.symbolTriangle, "var(--better)", true],
    worse: [kDown, "var(--worse)", true],
    drifts: [d3.symbolSquare, "var(--worse)", true],
    reference: [d3.symbolDiamond, "var(--ink)", true],
  };
  const [type, colour, filled] = of[verdict] || [d3.symbolCircle, "var(--same)", false];
  return { path: d3.symbol().type(type).size(size)(), colour, fill: filled ? colour : "var(--paper)" };
};

// --- Elements ----------------------------------------------------------------------------------

raie.element = function (name, attributes, ...children) {
  const node = document.createElement(name);
  Object.entries(attributes || {}).forEach(([key, value]) => {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  });
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

raie.select = function (label, options, chosen, change) {
  const list = raie.element("select", { onchange: (event) => change(event.target.value) });
  options.forEach(([value, text]) => {
    const option = raie.element("option", { value }, text);
    option.selected = value === chosen;
    list.append(option);
  });
  return raie.element("label", {}, label + " ", list);
};

// A text beside the pointer.
raie.tip = {
  show(event, text) {
    const tip = document.querySelector(".tip");
    tip.textContent = text;
    tip.hidden = false;
    const room = document.documentElement.clientWidth;
    const left = Math.min(event.pageX + 14, room - tip.offsetWidth - 8);
    tip.style.left = Math.max(4, left) + "px";
    tip.style.top = event.pageY + 16 + "px";
  },
  hide() {
    document.querySelector(".tip").hidden = true;
  },
};

raie.hover = (selection, textOf) =>
  selection.on("mousemove", (d) => raie.tip.show(d3.event, textOf(d))).on("mouseleave", raie.tip.hide);

// --- Files -------------------------------------------------------------------------------------

raie.save = function (name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = raie.element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};

raie.csv = function (block) {
  const head = block.columns.flatMap((column) =>
    raie.isInterval(column) ? [column.key, column.key + "_low", column.key + "_high"] : [column.key],
  );
  const body = block.rows.map((row) =>
    block.columns.flatMap((column, i) => {
      const cell = row[i];
      if (!raie.isInterval(column)) return [cell];
      return cell === null ? ["", "", ""] : [cell.value, cell.low, cell.high];
    }),
  );
  return d3.csvFormatRows([head, ...body]) + "\n";
};

const kDrawn = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
];

// A drawing that stands alone, in light colours whatever the theme.
raie.standalone = function (svg) {
  const root = document.documentElement;
  const theme = root.dataset.theme;
  root.dataset.theme = "light";
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    if (node.namespaceURI !== svg.namespaceURI || ["title", "desc"].includes(node.nodeName)) return;
    const style = getComputedStyle(node);
    to[i].removeAttribute("class");
    to[i].removeAttribute("style");
    if (node.nodeName === "svg" || node.nodeName === "g") return;
    kDrawn.forEach((name) => {
      const value = style.getPropertyValue(name);
      const plain = { opacity: "1", "fill-opacity": "1", "stroke-opacity": "1", "stroke-dasharray": "none" };
      if (value && value !== plain[name]) to[i].setAttribute(name, value);
    });
  });
  root.dataset.theme = theme;
  const box = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  paper.setAttribute("width", box.width);
  paper.setAttribute("height", box.height);
  paper.setAttribute("fill", "#ffffff");
  copy.insertBefore(paper, copy.firstChild);
  return new XMLSerializer().serializeToString(copy);
};

// --- Charts' common parts ----------------------------------------------------------------------

raie.axis = function (svg, x, y, axis) {
  const g = svg.append("g").attr("class", "axis").attr("transform", `translate(${x},${y})`);
  g.call(axis);
  g.attr("font-size", null).attr("font-family", null);
  return g;
};

// The range of most values: a few that lie far out (a tenth of them, four times as far as all others)
// are left to be drawn at the edge.
raie.mostOf = function (values, centre) {
  const far = values.map((v) => Math.abs(v - centre)).sort(d3.descending);
  const spared = Math.floor(values.length / 10);
  const [low, high] = d3.extent(values);
  if (values.length < 8 || spared === 0 || far[0] < 4 * far[spared]) return [low, high];
  return [Math.max(low, centre - far[spared]), Math.min(high, centre + far[spared])];
};

// Names with marks, in rows; returns the height taken. `mark(g, name, i)` draws around (0, 0).
raie.legend = function (svg, names, width, mark) {
  let x = 0;
  let y = 12;
  names.forEach((name, i) => {
    const text = raie.shorten(name, 44);
    const needed = 36 + 7 * text.length;
    if (x > 0 && x + needed > width) {
      x = 0;
      y += 20;
    }
    const g = svg.append("g").attr("transform", `translate(${x + 8},${y})`);
    mark(g, name, i);
    g.append("text").attr("x", 14).attr("dy", "0.35em").text(text);
    x += needed;
  });
  return y + 16;
};

raie.svgOf = function (canvas, block, width) {
  const id = block.id + "-drawing";
  d3.select(canvas).selectAll("svg").remove();
  const svg = d3.select(canvas).append("svg").attr("role", "img");
  svg.attr("aria-labelledby", `${id}-title ${id}-desc`);
  svg
    .append("title")
    .attr("id", id + "-title")
    .text(block.title);
  svg
    .append("desc")
    .attr("id", id + "-desc")
    .text(`${block.takeaway} ${block.note}`);
  const setHeight = (height) => svg.attr("viewBox", `0 0 ${width} ${Math.ceil(height)}`);
  return { svg, width, setHeight };
};
