// Chart: a line a series over a swept setting or over slices, in panels. Options: x (its name),
// numbers (whether the setting is a number; else its values are at equal distances).
"use strict";

raie.charts.lines = function (canvas, block, width) {
  const { svg, setHeight } = raie.svgOf(canvas, block, width);
  const records = raie.records(block).filter((d) => d.ndcg10 !== null);
  const panels = raie.unique(records.map((d) => d.part));
  const series = raie.unique(records.map((d) => d.series));
  const values = raie.unique(records.map((d) => d.value));
  const format = raie.formats.score;
  let bottom = raie.legend(svg, series, width, (g, name, i) => {
    g.append("line")
      .attr("x1", -9)
      .attr("x2", 9)
      .style("stroke", raie.colour(i))
      .attr("stroke-width", 2)
      .attr("stroke-dasharray", raie.dash(i));
    g.append("path").attr("d", raie.symbol(i, 46)).style("fill", raie.colour(i));
  });
  const columns = panels.length > 1 && width >= 700 ? 2 : 1;
  const height = 220;
  const first = bottom;
  panels.forEach((name, i) => {
    const rows = records.filter((d) => d.part === name);
    const top = first + Math.floor(i / columns) * (height + 76) + 28;
    const left = (i % columns) * (width / columns) + 52;
    const right = ((i % columns) + 1) * (width / columns) - 14;
    const x = block.options.numbers
      ? d3
          .scaleLinear()
          .domain(d3.extent(rows, (d) => d.x))
          .range([left + 12, right - 8])
      : d3
          .scalePoint()
          .domain(values)
          .range([left + 12, right - 8]);
    const at = (d) => x(block.options.numbers ? d.x : d.value);
    const low = d3.min(rows, (d) => (d.ndcg10.low === undefined ? d.ndcg10 : d.ndcg10.low));
    const high = d3.max(rows, (d) => (d.ndcg10.high === undefined ? d.ndcg10 : d.ndcg10.high));
    const y = d3
      .scaleLinear()
      .domain([low, high])
      .nice(5)
      .range([top + height, top]);
    svg
      .append("text")
      .attr("class", "strong")
      .attr("x", left)
      .attr("y", top - 14)
      .text(`NDCG@10 on ${name}`);
    const ticks = d3.axisBottom(x).tickSizeOuter(0);
    const distinct = raie.unique(rows.map((d) => d.x)).sort(d3.ascending);
    if (block.options.numbers && distinct.length > 9) {
      ticks.ticks(5).tickFormat(d3.format("~s"));
    } else if (block.options.numbers) {
      // The values that were run, as far as they do not run into each other.
      const kept = distinct.filter((v, k) => k === 0 || x(v) - x(distinct[k - 1]) > 16);
      ticks.tickValues(kept).tickFormat(d3.format("~r"));
    }
    raie.axis(svg, 0, top + height, ticks);
    raie
      .axis(
        svg,
        left,
        0,
        d3
          .axisLeft(y)
          .ticks(5)
          .tickSize(-(right - left)),
      )
      .select(".domain")
      .remove();
    svg
      .append("text")
      .attr("class", "soft")
      .attr("x", (left + right) / 2)
      .attr("y", top + height + 36)
      .attr("text-anchor", "middle")
      .text(block.options.x);
    series.forEach((one, k) => {
      const own = rows.filter((d) => d.series === one).sort((a, b) => a.x - b.x);
      const shift = series.length > 1 ? (k / (series.length - 1) - 0.5) * Math.min(8, series.length * 2) : 0;
      const g = svg.append("g").attr("transform", `translate(${shift},0)`);
      g.append("path")
        .datum(own)
        .attr(
          "d",
          d3
            .line()
            .x(at)
            .y((d) => y(raie.valueOf(d.ndcg10))),
        )
        .style("stroke", raie.colour(k))
        .attr("fill", "none")
        .attr("stroke-width", 2)
        .attr("stroke-dasharray", raie.dash(k));
      const points = g
        .selectAll("g")
        .data(own)
        .enter()
        .append("g")
        .attr("transform", (d) => `translate(${at(d)},0)`);
      points
        .filter((d) => d.ndcg10.low !== undefined)
        .append("line")
        .attr("y1", (d) => y(d.ndcg10.low))
        .attr("y2", (d) => y(d.ndcg10.high))
        .style("stroke", raie.colour(k))
        .attr("stroke-opacity", 0.55);
      const significant = (d) => !["same", "reference"].includes(d.verdict);
      points
        .append("path")
        .attr("class", "mark")
        .attr("transform", (d) => `translate(0,${y(raie.valueOf(d.ndcg10))})`)
        .attr("d", raie.symbol(k, 52))
        .style("fill", (d) => (significant(d) ? raie.colour(k) : "var(--paper)"))
        .style("stroke", raie.colour(k))
        .attr("stroke-width", 1.6);
      raie.hover(points, (d) => {
        const range =
          d.ndcg10.low === undefined ? "" : ` [${format(d.ndcg10.low)}, ${format(d.ndcg10.high)}]`;
        return `${d.series}\n${block.options.x} = ${d.value}\n${format(raie.valueOf(d.ndcg10))}${range}\n${raie.formats.verdict(d.verdict)}`.trim();
      });
    });
    bottom = top + height + 48;
  });
  setHeight(bottom);
};
