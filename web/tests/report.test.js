// The page of a real small run in a real browser. Started by scripts/web, which makes the run:
//   RAIE_PAGES    pages to look at, separated by ":"; the first has titles, one of which is
//                 "</script><b>x</b>", and a run with everything but a stream
//   RAIE_FIGURES  what raie report --figures wrote of the first
//   RAIE_BROWSER  the Chromium to use
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const pages = process.env.RAIE_PAGES.split(":");
const kFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
let browser;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.RAIE_BROWSER, args: kFlags });
});
after(() => browser.close());

// Opens a page; what goes wrong while it is open is in `faults`.
async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => {
    faults.push("a dialog: " + dialog.message());
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) faults.push("asked the network for " + request.url());
  });
  await page.goto(pathToFileURL(path.resolve(file)).href);
  await page.waitForSelector("html[data-ready=yes]");
  return { page, faults, close: () => context.close() };
}

async function columnTexts(page, table, place) {
  return page.$$eval(
    `${table} tbody tr`,
    (rows, i) => rows.map((row) => row.children[i].firstChild?.textContent ?? ""),
    place,
  );
}

// The colour of the paper as [r, g, b].
async function paperOf(page) {
  const text = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  return text.match(/\d+/g).map(Number);
}

for (const file of pages) {
  test(`${path.basename(file)}: every figure is drawn, named and needs no network`, async () => {
    const { page, faults, close } = await open(file);
    const figures = await page.$$eval("figure", (list) =>
      list.map((figure) => {
        const svg = figure.querySelector("svg");
        return {
          id: figure.id,
          marks: svg.querySelectorAll(".mark").length,
          role: svg.getAttribute("role"),
          title: svg.querySelector("title").textContent,
          description: svg.querySelector("desc").textContent,
          width: svg.getBoundingClientRect().width,
          broken: Array.from(svg.querySelectorAll("*")).filter((node) =>
            Array.from(node.attributes).some((attribute) => /NaN|undefined|Infinity/.test(attribute.value)),
          ).length,
        };
      }),
    );
    assert.ok(figures.length >= 3, `${figures.length} figures`);
    for (const figure of figures) {
      assert.ok(figure.marks > 0, `${figure.id} has no marks`);
      assert.equal(figure.broken, 0, `${figure.id} has attributes that are no numbers`);
      assert.equal(figure.role, "img");
      assert.ok(figure.title.length > 3 && figure.description.length > 20, `${figure.id} has no text`);
      assert.ok(figure.width > 300, `${figure.id} is ${figure.width} wide`);
    }
    assert.ok(fs.statSync(file).size < 2e6, "the page is larger than 2 MB");
    const nameless = await page.$$eval(
      "button, select, a",
      (list) => list.filter((node) => !(node.textContent.trim() || node.getAttribute("aria-label"))).length,
    );
    assert.equal(nameless, 0, "controls without a name");
    assert.deepEqual(faults, []);
    await close();
  });

  test(`${path.basename(file)}: fits a narrow screen, in light and dark`, async () => {
    for (const colorScheme of ["light", "dark"]) {
      const { page, faults, close } = await open(file, {
        viewport: { width: 420, height: 800 },
        colorScheme,
      });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 420, `${width} pixels wide`);
      const paper = await paperOf(page);
      assert.equal(colorScheme === "dark", paper[0] < 100, `paper ${paper}`);
      const small = await page.$$eval(
        "figure svg text",
        (list) =>
          list.filter(
            (text) => text.getBoundingClientRect().height > 0 && text.getBoundingClientRect().height < 7,
          ).length,
      );
      assert.equal(small, 0, "text too small to read");
      assert.deepEqual(faults, []);
      await close();
    }
  });

  test(`${path.basename(file)}: the regions' table is read whole at 1,400 pixels`, async () => {
    const { page, close } = await open(file);
    const hidden = await page.$$eval("#regions .scroll", (list) =>
      list.map((box) => box.scrollWidth - box.clientWidth),
    );
    assert.deepEqual(
      hidden,
      hidden.map(() => 0),
    );
    await close();
  });

  test(`${path.basename(file)}: prints on white paper without what only a screen can use`, async () => {
    const { page, faults, close } = await open(file, { colorScheme: "dark" });
    await page.emulateMedia({ media: "print" });
    assert.deepEqual(await paperOf(page), [255, 255, 255]);
    for (const hidden of ["nav", ".tools", ".theme"]) {
      assert.equal(await page.isVisible(hidden), false, hidden);
    }
    assert.ok(await page.isVisible("figure svg"));
    const sheets = await page.pdf({ format: "A4" });
    assert.equal(sheets.subarray(0, 5).toString(), "%PDF-");
    assert.deepEqual(faults, []);
    await close();
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`readers who cannot see or point find their way (axe, ${colorScheme})`, async () => {
    const { page, faults, close } = await open(pages[0], { colorScheme });
    await page.evaluate(() => document.querySelectorAll("details").forEach((node) => (node.open = true)));
    await page.evaluate(
      fs.readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"),
    );
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map((one) => `${one.id} (${one.impact}): ${one.nodes[0].html.slice(0, 160)}`);
    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
    await close();
  });
}

test("tables are sorted by any column, by pointer and by keyboard", async () => {
  const { page, faults, close } = await open(pages[0]);
  const table = "#table-T";
  const labels = await page.$$eval(`${table} thead th`, (list) => list.map((th) => th.textContent));
  const place = labels.indexOf("NDCG@10");
  const unsorted = (await columnTexts(page, table, place)).map(Number);
  assert.ok(unsorted.length >= 3);
  const header = page.locator(`${table} thead th`).nth(place);
  await header.locator("button").click();
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
  const sorted = unsorted.slice().sort((a, b) => a - b);
  assert.deepEqual((await columnTexts(page, table, place)).map(Number), sorted);
  await header.locator("button").focus();
  await page.keyboard.press("Enter");
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  assert.deepEqual((await columnTexts(page, table, place)).map(Number), sorted.reverse());
  // By name, and rows without a value last.
  await page.locator(`${table} thead th`).first().locator("button").click();
  const names = await columnTexts(page, table, 0);
  assert.deepEqual(names, names.slice().sort());
  await page.locator(`${table} thead th`).nth(labels.indexOf("p (Holm)")).locator("button").click();
  assert.equal((await columnTexts(page, table, labels.indexOf("p (Holm)"))).at(-1), "");
  assert.deepEqual(faults, []);
  await close();
});

test("every figure and table can be saved", async () => {
  const { page, faults, close } = await open(pages[0]);
  const save = async (selector) => {
    await page.waitForTimeout(150); // a browser refuses a hail of downloads
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
    return { name: download.suggestedFilename(), text: fs.readFileSync(await download.path(), "utf8") };
  };
  for (const id of await page.$$eval("figure", (list) => list.map((figure) => figure.id))) {
    const svg = await save(`#${id} button.svg`);
    assert.equal(svg.name, id + ".svg");
    assert.match(svg.text, /^<svg [^]*xmlns="http:\/\/www.w3.org\/2000\/svg"[^]*<\/svg>$/);
    assert.doesNotMatch(svg.text, /var\(--/, `${id} needs the page's style`);
    const csv = await save(`#${id} button.csv`);
    assert.equal(csv.name, id + ".csv");
    assert.ok(csv.text.trim().split("\n").length > 1, `${id}.csv is empty`);
    // What the page saves and what the program writes is the same.
    const written = fs.readFileSync(path.join(process.env.RAIE_FIGURES, id + ".csv"), "utf8");
    assert.deepEqual(csv.text.split("\n").length, written.split("\n").length, id);
    assert.equal(csv.text.split("\n")[0], written.split("\n")[0], id);
  }
  assert.deepEqual(faults, []);
  await close();
});

test("names from data stay text", async () => {
  const { page, faults, close } = await open(pages[0]);
  const evil = "</script><b>x</b>";
  assert.ok((await page.textContent("main")).includes(evil), "the title is nowhere on the page");
  assert.equal(await page.locator("main b").count(), 0);
  assert.deepEqual(faults, []);
  await close();
});

test("the map shows one region, colours by slice and hides windows", async () => {
  const { page, faults, close } = await open(pages[0]);
  const map = page.locator("#region-map");
  const windows = () => map.locator("svg circle.window").count();
  const all = await windows();
  assert.ok(all > 100, `${all} windows`);
  await map.locator("select").first().selectOption({ index: 1 });
  assert.match(await map.locator(".details").textContent(), /^Region \d+: radius .* before, .* after/);
  await map.locator("input[type=checkbox]").first().uncheck();
  assert.ok((await windows()) < all);
  await map.locator("select").nth(1).selectOption("slice");
  assert.ok((await map.locator("svg").textContent()).includes("S"));
  await map.locator("svg circle.window").last().dispatchEvent("mousemove");
  assert.match(await page.textContent(".tip"), /target: /);
  assert.deepEqual(faults, []);
  await close();
});

test("users whose lists changed are shown with both lists", async () => {
  const { page, faults, close } = await open(pages[0]);
  const cards = await page.$$eval("#users .card", (list) =>
    list.map((card) => ({
      head: card.querySelector("h4").textContent,
      lists: Array.from(card.querySelectorAll("ol")).map((ol) => ol.children.length),
      targets: card.querySelectorAll("li.target").length,
    })),
  );
  assert.ok(cards.length >= 2, `${cards.length} examples`);
  for (const card of cards) {
    assert.match(card.head, /^User \S+: [▲▼] rank \d+ → \d+/);
    assert.deepEqual(card.lists, [10, 10]);
    assert.ok(card.targets >= 1, "the item that was taken is in neither list");
  }
  assert.deepEqual(faults, []);
  await close();
});

test("the reader chooses the theme and what cost is", async () => {
  const { page, faults, close } = await open(pages[0]);
  await page.click(".theme");
  await page.click(".theme");
  assert.equal(await page.textContent(".theme"), "Theme: dark");
  assert.ok((await paperOf(page))[0] < 100);
  const cost = page.locator("#cost");
  const drawn = await cost.locator("svg").textContent();
  await cost.locator("select").selectOption("samples");
  assert.notEqual(await cost.locator("svg").textContent(), drawn);
  await page.locator("#cost details summary").click();
  await page.waitForSelector("#cost details tbody tr:nth-child(3)");
  assert.deepEqual(faults, []);
  await close();
});

test("drawings for papers are pictures", () => {
  const files = fs.readdirSync(process.env.RAIE_FIGURES);
  const drawings = files.filter((name) => name.endsWith(".svg"));
  assert.ok(drawings.length >= 5, `${drawings.length} drawings`);
  for (const name of drawings) {
    const svg = fs.readFileSync(path.join(process.env.RAIE_FIGURES, name), "utf8");
    assert.match(svg, /<svg [^]*class|<svg [^]*fill=/);
    const png = fs.readFileSync(path.join(process.env.RAIE_FIGURES, name.replace(/svg$/, "png")));
    assert.equal(png.subarray(1, 4).toString(), "PNG");
    assert.equal(png.readUInt32BE(16), 2 * 960, `${name} is ${png.readUInt32BE(16)} wide`);
  }
});
