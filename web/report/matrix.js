// Chart: a heat map a method of every slice (across) after every slice (down), on one scale.
"use strict";

raie.charts.matrix = function (canvas, block, width) {
  const { svg, setHeight } = raie.svgOf(canvas, block, width);
  const records = raie.records(block).filter((d) => d.ndcg10 !== null);
  const series = raie.unique(records.map((d) => d.series));
  const size = d3.max(records, (d) => d.part) + 1;
  const columns = Math.max(1, Math.min(series.length, Math.floor(width / 260)));
  const panel = width / columns;
  const cell = Math.min(46, (panel - 50) / size);
  const colour = d3.scaleSequential(d3.interpolateViridis).domain(d3.extent(records, (d) => d.ndcg10));
  const panelHeight = size * cell + 74;
  series.forEach((name, i) => {
    const g = svg
      .append("g")
      .attr(
        "transform",
        `translate(${(i % columns) * panel + 34},${Math.floor(i / columns) * panelHeight + 44})`,
      );
    g.append("text")
      .attr("class", "strong")
      .attr("x", -30)
      .attr("y", -28)
      .text(raie.shorten(name, Math.floor(panel / 7.5)));
    g.append("text")
      .attr("class", "soft")
      .attr("x", 0)
      .attr("y", size * cell + 16)
      .text("tested on slice");
    d3.range(size).forEach((k) => {
      const middle = k * cell + cell / 2;
      g.append("text")
        .attr("class", "soft")
        .attr("x", middle)
        .attr("y", -6)
        .attr("text-anchor", "middle")
        .text(k);
      g.append("text")
        .attr("class", "soft")
        .attr("x", -8)
        .attr("y", middle)
        .attr("dy", "0.35em")
        .attr("text-anchor", "end")
        .text(k);
    });
    const cells = g
      .selectAll("g.cell")
      .data(records.filter((d) => d.series === name))
      .enter()
      .append("g")
      .attr("class", "cell")
      .attr("transform", (d) => `translate(${d.part * cell},${d.after * cell})`);
    cells
      .append("rect")
      .attr("class", "mark")
      .attr("width", cell - 1)
      .attr("height", cell - 1)
      .attr("fill", (d) => colour(d.ndcg10));
    if (cell >= 34) {
      cells
        .append("text")
        .attr("x", cell / 2)
        .attr("y", cell / 2)
        .attr("dy", "0.35em")
        .attr("text-anchor", "middle")
        .style("fill", (d) => (d3.lab(colour(d.ndcg10)).l > 55 ? "#000000" : "#ffffff"))
        .style("font-size", "11px")
        .text((d) => d3.format(".3f")(d.ndcg10).replace(/^0/, ""));
    }
    // Slices that had been learnt when they were tested.
    const learnt = d3.range(size + 1).map((k) => [Math.min(k, size) * cell, Math.max(0, k - 1) * cell]);
    g.append("path")
      .attr("d", d3.line().curve(d3.curveStepBefore)(learnt))
      .attr("fill", "none")
      .style("stroke", "var(--ink)")
      .attr("stroke-width", 1.4);
    raie.hover(
      cells,
      (d) =>
        `${name}\nafter slice ${d.after}, tested on slice ${d.part}\nNDCG@10 ${raie.formats.score(d.ndcg10)}`,
    );
  });
  const bottom = Math.ceil(series.length / columns) * panelHeight + 8;
  const [low, high] = colour.domain();
  const scale = svg.append("g").attr("transform", `translate(34,${bottom})`);
  d3.range(24).forEach((k) => {
    scale
      .append("rect")
      .attr("x", 60 + 5 * k)
      .attr("width", 5.5)
      .attr("height", 10)
      .attr("fill", colour(low + ((high - low) * k) / 23));
  });
  scale
    .append("text")
    .attr("class", "soft")
    .attr("x", 54)
    .attr("y", 9)
    .attr("text-anchor", "end")
    .text(d3.format(".3f")(low));
  scale.append("text").attr("class", "soft").attr("x", 186).attr("y", 9).text(d3.format(".3f")(high));
  setHeight(bottom + 22);
};
