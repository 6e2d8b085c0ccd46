// Block: users whose recommendations changed, a card each.
"use strict";

(() => {
  const rank = (value) => (value > 0 ? String(value) : "not in the catalogue");

  function listOf(title, entries, others, tag, kind) {
    const known = new Set(others.map((d) => d.item));
    const list = raie.element("ol", {});
    entries.forEach((d) => {
      const only = !known.has(d.item);
      const note = d.is_target ? "taken next" : only ? tag : "";
      const classes = [d.is_target ? "target" : "", only && kind ? kind : ""].join(" ").trim();
      list.append(
        raie.element(
          "li",
          { class: classes || null },
          d.item,
          note ? raie.element("span", { class: "tag" }, " " + note) : null,
        ),
      );
    });
    return raie.element("div", {}, raie.element("h5", {}, title), list);
  }

  function card(d) {
    const moved = `rank ${rank(d.rank_before)} → ${rank(d.rank_after)}`;
    const head = raie.element(
      "h4",
      {},
      `User ${d.user}: `,
      raie.element("span", { class: d.gained ? "better" : "worse" }, (d.gained ? "▲ " : "▼ ") + moved),
    );
    const margin = d.margin === null ? "" : `, ${d3.format(".2~r")(d.margin)} nearer than the next (cosine)`;
    const region = d.region < 0 ? "No region. " : `Region ${d.region}${margin}. `;
    return raie.element(
      "article",
      { class: "card" },
      head,
      raie.element(
        "p",
        {},
        `Took next, on ${raie.formats.day(d.time)}: `,
        raie.element("strong", {}, d.target),
      ),
      raie.element("p", {}, region + d.why),
      raie.element("p", { class: "note" }, "Before: " + d.history.join(" · ")),
      raie.element(
        "div",
        { class: "lists" },
        listOf("Frozen model", d.before, d.after, "", "gone"),
        listOf("After the edit", d.after, d.before, "new", ""),
      ),
    );
  }

  raie.blocks.users = (block) =>
    raie.element(
      "div",
      { class: "block", id: block.id },
      raie.element("h3", {}, block.title),
      raie.element("p", { class: "takeaway" }, block.takeaway),
      raie.element("div", { class: "cards" }, ...block.examples.map(card)),
      raie.element("p", { class: "note" }, block.note),
    );
})();
