// Puts the page together from the report's JSON; at the address #draw leaves every figure as a
// drawing of its own in the document, for the program that asked.
"use strict";

(() => {
  const kDrawnWidth = 960;

  // What a figure is drawn into; drawn again when its width changes.
  const figures = [];

  raie.blocks.text = (block) => raie.element("p", { class: "takeaway" }, block.text);
  raie.blocks.missing = (block) => raie.element("p", { class: "missing" }, block.text);

  raie.blocks.figure = function (block) {
    const canvas = raie.element("div", { class: "canvas" });
    const figure = { block, canvas, width: 0 };
    figures.push(figure);
    const saveSvg = () =>
      raie.save(block.id + ".svg", "image/svg+xml", raie.standalone(canvas.querySelector("svg")));
    return raie.element(
      "figure",
      { class: "block", id: block.id },
      raie.element(
        "figcaption",
        {},
        raie.element("h3", {}, block.title),
        raie.element("p", { class: "takeaway" }, block.takeaway),
      ),
      canvas,
      raie.element("p", { class: "note" }, block.note),
      raie.element(
        "div",
        { class: "tools" },
        raie.element("button", { type: "button", class: "svg", onclick: saveSvg }, "Drawing (SVG)"),
        raie.csvButton(block),
      ),
      raie.numbersOf(block),
    );
  };

  function draw(figure, width) {
    if (width === 0 || width === figure.width) return;
    figure.width = width;
    raie.charts[figure.block.chart](figure.canvas, figure.block, width);
  }

  function build(report) {
    document.querySelector("h1").textContent = report.title;
    document.querySelector(".subtitle").textContent = report.subtitle;
    const main = document.querySelector("main");
    main.replaceChildren();
    const list = raie.element("ul", {});
    document.querySelector("nav").append(list);
    if (report.summary.length > 0) {
      main.append(
        raie.element(
          "ul",
          { class: "summary" },
          ...report.summary.map((text) => raie.element("li", {}, text)),
        ),
      );
    }
    report.sections.forEach((section) => {
      list.append(
        raie.element("li", {}, raie.element("a", { href: "#section-" + section.id }, section.title)),
      );
      const name = "title-" + section.id;
      main.append(
        raie.element(
          "section",
          { id: "section-" + section.id, "aria-labelledby": name },
          raie.element("h2", { id: name }, section.title),
          ...section.blocks.map((block) => raie.blocks[block.type](block)),
        ),
      );
    });
  }

  // --- Theme: as the system says, until the reader chooses. ---

  function startTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const button = document.querySelector(".theme");
    let choice = "auto";
    const apply = () => {
      const system = dark.matches ? "dark" : "light";
      document.documentElement.dataset.theme = choice === "auto" ? system : choice;
      button.textContent = "Theme: " + choice;
    };
    button.addEventListener("click", () => {
      choice = { auto: "light", light: "dark", dark: "auto" }[choice];
      apply();
    });
    dark.addEventListener("change", apply);
    apply();
  }

  // --- Drawings for files ---

  function png(svg) {
    return new Promise((resolve, reject) => {
      const image = new Image();
      image.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.width = 2 * image.width;
        canvas.height = 2 * image.height;
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        resolve(canvas.toDataURL("image/png").split(",")[1]);
      };
      image.onerror = () => reject(new Error("a drawing cannot be read as an image"));
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
    });
  }

  async function drawAll() {
    const drawn = [];
    for (const figure of figures) {
      figure.width = 0;
      draw(figure, kDrawnWidth);
      const svg = raie.standalone(figure.canvas.querySelector("svg"));
      drawn.push({ id: figure.block.id, svg, png: await png(svg) });
    }
    const text = JSON.stringify(drawn).replace(/</g, "\\u003c");
    document.body.append(raie.element("script", { type: "application/json", id: "drawn" }, text));
  }

  build(JSON.parse(document.getElementById("report").textContent));
  startTheme();
  if (location.hash === "#draw") {
    drawAll();
  } else {
    const observer = new ResizeObserver((entries) => {
      entries.forEach((entry) =>
        draw(
          figures.find((figure) => figure.canvas === entry.target),
          Math.floor(entry.contentRect.width),
        ),
      );
    });
    figures.forEach((figure) => {
      draw(figure, figure.canvas.clientWidth);
      observer.observe(figure.canvas);
    });
  }
  document.documentElement.dataset.ready = "yes";
})();
