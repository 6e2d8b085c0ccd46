// Chart: the map of regions. Caps before (dashed) and after (solid), arrows for how centres moved,
// windows as points; one degree is one unit of length.
"use strict";

(() => {
  const kInCaps = { before: "5 4", after: null, added: "1 4" };

  function stateOf(canvas, slices) {
    if (!canvas.state) canvas.state = { by: "region", region: "all", slices: new Set(slices) };
    return canvas.state;
  }

  function wordsOf(records, region) {
    const of = (kind) => records.find((d) => d.kind === kind && d.region === region);
    const [before, after, added] = ["before", "after", "added"].map(of);
    const radius = (d) => raie.formats.degrees(d.angle_deg);
    if (added) return `Region ${region} was added, radius ${radius(added)}.`;
    if (!after) return `Region ${region}: radius ${radius(before)} before; gone after.`;
    const moved = Math.hypot(after.x_deg - before.x_deg, after.y_deg - before.y_deg);
    return `Region ${region}: radius ${radius(before)} before, ${radius(after)} after; its centre moved by ${raie.formats.degrees(moved)}.`;
  }

  function controlsOf(canvas, block, records, redraw) {
    const state = canvas.state;
    const regions = raie.unique(records.filter((d) => d.kind !== "window").map((d) => d.region));
    const slices = block.options.slices;
    const controls = raie.element("div", { class: "controls" });
    const choices = [["all", "all regions"], ...regions.map((r) => [String(r), "region " + r])];
    controls.append(
      raie.select("Show", choices, "all", (value) => {
        state.region = value;
        redraw();
      }),
    );
    if (slices.length > 0) {
      controls.append(
        raie.select(
          "colours by",
          [
            ["region", "region"],
            ["slice", "slice"],
          ],
          "region",
          (value) => {
            state.by = value;
            redraw();
          },
        ),
      );
      const set = raie.element("fieldset", {}, raie.element("legend", {}, "Windows of"));
      slices.forEach((slice) => {
        const box = raie.element("input", {
          type: "checkbox",
          onchange: () => {
            state.slices[box.checked ? "add" : "delete"](slice);
            redraw();
          },
        });
        box.checked = true;
        set.append(raie.element("label", {}, box, " " + slice));
      });
      controls.append(set);
    }
    return controls;
  }

  raie.charts.region_map = function (canvas, block, width) {
    const records = raie.records(block);
    const state = stateOf(canvas, block.options.slices);
    if (!canvas.querySelector(".controls")) {
      const redraw = () => draw(canvas, block, records, canvas.clientWidth || width);
      canvas.append(controlsOf(canvas, block, records, redraw));
      canvas.append(raie.element("p", { class: "details", "aria-live": "polite" }));
      canvas.pick = (region) => {
        state.region = state.region === String(region) ? "all" : String(region);
        canvas.querySelector("select").value = state.region;
        redraw();
      };
    }
    draw(canvas, block, records, width);
  };

  function draw(canvas, block, records, width) {
    const { svg, setHeight } = raie.svgOf(canvas, block, width);
    const state = canvas.state;
    const details = canvas.querySelector(".details");
    canvas.insertBefore(svg.node(), details);
    details.textContent = state.region === "all" ? "" : wordsOf(records, Number(state.region));
    const centres = records.filter((d) => d.kind !== "window");
    const windows = records.filter((d) => d.kind === "window" && state.slices.has(d.slice));
    const regions = raie.unique(centres.map((d) => d.region));
    const order = new Map(regions.map((region, i) => [region, i]));
    const slices = block.options.slices;
    const many = regions.length > 60; // rings of all would hide everything else
    const shown = (d) => state.region === "all" || state.region === String(d.region);
    const colour = (d) =>
      state.by === "slice" && d.kind === "window"
        ? raie.colour(slices.indexOf(d.slice))
        : raie.colour(order.get(d.region));

    const [x0, x1] = rangeOf(records, "x_deg");
    const [y0, y1] = rangeOf(records, "y_deg");
    const isOff = (d) => d.x_deg < x0 || d.x_deg > x1 || d.y_deg < y0 || d.y_deg > y1;
    const margin = 10;
    let top = 6;
    if (state.by === "slice" && slices.length > 0) {
      top = raie.legend(svg, slices, width, (g, name, i) => {
        g.append("circle").attr("r", 5).style("fill", raie.colour(i));
      });
    }
    const most = Math.min(760, Math.max(width, 360));
    const scale = Math.min((width - 2 * margin) / (x1 - x0), most / (y1 - y0));
    const height = scale * (y1 - y0);
    const shift = (width - scale * (x1 - x0)) / 2;
    const x = (v) => shift + scale * (Math.max(x0, Math.min(x1, v)) - x0);
    const y = (v) => top + height - scale * (Math.max(y0, Math.min(y1, v)) - y0);
    setHeight(top + height + 46);

    const points = svg
      .append("g")
      .selectAll("circle")
      .data(windows)
      .enter()
      .append("circle")
      .attr("class", "window mark")
      .attr("cx", (d) => x(d.x_deg))
      .attr("cy", (d) => y(d.y_deg))
      .attr("r", width < 600 ? 1.5 : 2.1)
      .attr("fill-opacity", (d) => (shown(d) ? 0.55 : 0.06))
      .style("fill", (d) => (isOff(d) ? "none" : colour(d)))
      .style("stroke", (d) => (isOff(d) ? colour(d) : "none"));
    raie.hover(
      points,
      (d) =>
        (isOff(d) ? "beyond the edge of the map\n" : "") +
        `window of user ${d.user} (${d.slice})\nregion ${d.region}, ${raie.formats.degrees(d.angle_deg)} from its centre\ntarget: ${d.target}`,
    );

    const caps = svg
      .append("g")
      .selectAll("circle")
      .data(centres)
      .enter()
      .append("circle")
      .attr("class", "cap mark")
      .attr("cx", (d) => x(d.x_deg))
      .attr("cy", (d) => y(d.y_deg))
      .attr("r", (d) => scale * d.angle_deg)
      .attr("fill", "none")
      .style("stroke", colour)
      .attr("stroke-width", (d) => (d.kind === "before" ? 1.2 : 1.8))
      .attr("stroke-dasharray", (d) => kInCaps[d.kind])
      .attr("stroke-opacity", (d) =>
        many && state.region === "all" ? 0.08 : shown(d) ? 0.9 : many ? 0 : 0.12,
      )
      .on("click", (d) => canvas.pick(d.region));
    raie.hover(
      caps,
      (d) =>
        `${d.kind} the edit\n`.replace("added the edit", "added by the edit") + wordsOf(records, d.region),
    );

    const factor = block.options.arrow_factor;
    centres
      .filter((d) => d.kind !== "before")
      .forEach((after) => {
        const before = centres.find((d) => d.kind === "before" && d.region === after.region) || after;
        const from = [x(before.x_deg), y(before.y_deg)];
        const to = [
          x(before.x_deg + factor * (after.x_deg - before.x_deg)),
          y(before.y_deg + factor * (after.y_deg - before.y_deg)),
        ];
        const g = svg
          .append("g")
          .attr("opacity", shown(after) ? 1 : 0.15)
          .on("click", () => canvas.pick(after.region));
        arrow(g, from, to, colour(after));
        const label = g.append("g").attr("transform", `translate(${from})`);
        const size = regions.length > 120 ? 2 : regions.length > 30 ? 6 : 9;
        label
          .append("circle")
          .attr("r", size)
          .style("fill", "var(--paper)")
          .style("stroke", colour(after))
          .attr("stroke-width", 1.6);
        if (size > 2) {
          label
            .append("text")
            .attr("class", "strong")
            .attr("dy", "0.35em")
            .attr("text-anchor", "middle")
            .style("font-size", size > 6 ? "11px" : "7.5px")
            .text(after.region);
        }
      });
    scaleBar(svg, top + height + 18, scale);
    const off = windows.filter(isOff).length;
    if (off > 0) {
      svg
        .append("text")
        .attr("class", "soft")
        .attr("x", width - 10)
        .attr("y", top + height + (width < 600 ? 38 : 22))
        .attr("text-anchor", "end")
        .text(`${off} windows lie beyond the edge (open points)`);
    }
  }

  // All caps, and all windows but a few that lie far out.
  function rangeOf(records, key) {
    const windows = records.filter((d) => d.kind === "window").map((d) => d[key]);
    const caps = records.filter((d) => d.kind !== "window");
    const ends = caps.flatMap((d) => [d[key] - d.angle_deg, d[key] + d.angle_deg]);
    windows.sort(d3.ascending);
    const most = [0.005, 0.995].map((p) => d3.quantile(windows, p)).filter((v) => v !== undefined);
    const [low, high] = d3.extent([...ends, ...most]);
    const near = 0.12 * (high - low);
    const [first, last] = d3.extent([...windows, low, high]);
    return [Math.max(first, low - near), Math.min(last, high + near)];
  }

  function arrow(g, from, to, colour) {
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length < 1) return;
    const angle = (180 / Math.PI) * Math.atan2(to[1] - from[1], to[0] - from[0]);
    g.append("line")
      .attr("x1", from[0])
      .attr("y1", from[1])
      .attr("x2", to[0])
      .attr("y2", to[1])
      .style("stroke", colour)
      .attr("stroke-width", 2.4);
    g.append("path")
      .attr("transform", `translate(${to}) rotate(${angle})`)
      .attr("d", "M4,0L-6,-5L-6,5Z")
      .style("fill", colour);
  }

  // A length that stands for an angle.
  function scaleBar(svg, y, scale) {
    const g = svg.append("g").attr("transform", `translate(10,${y})`);
    const degrees = [0.5, 1, 2, 5, 10, 20, 30, 45].filter((v) => v * scale < 160).pop() || 0.5;
    g.append("line")
      .attr("x2", degrees * scale)
      .style("stroke", "var(--soft)")
      .attr("stroke-width", 2);
    g.append("text")
      .attr("class", "soft")
      .attr("x", degrees * scale + 8)
      .attr("dy", "0.35em")
      .text(degrees + "°");
  }
})();
