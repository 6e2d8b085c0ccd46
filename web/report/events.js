// Chart: events over time, stacked by slice, with the cuts.
"use strict";

raie.charts.events = function (canvas, block, width) {
  const { svg, setHeight } = raie.svgOf(canvas, block, width);
  const { slices, cuts } = block.options;
  const records = raie.records(block);
  const top =
    raie.legend(svg, slices, width, (g, name, i) => {
      g.append("rect")
        .attr("x", -6)
        .attr("y", -6)
        .attr("width", 12)
        .attr("height", 12)
        .style("fill", raie.colour(i));
    }) + 36;
  const height = width < 600 ? 190 : 250;
  const left = 52;
  const dates = (v) => new Date(1000 * v);
  const x = d3
    .scaleUtc()
    .domain([dates(d3.min(records, (d) => d.start)), dates(d3.max(records, (d) => d.end))])
    .range([left, width - 12]);
  const totals = d3
    .nest()
    .key((d) => d.start)
    .rollup((rows) => d3.sum(rows, (d) => d.events))
    .entries(records);
  const y = d3
    .scaleLinear()
    .domain([0, d3.max(totals, (d) => d.value)])
    .nice()
    .range([top + height, top]);
  raie.axis(
    svg,
    0,
    top + height,
    d3
      .axisBottom(x)
      .ticks(Math.max(2, width / 110))
      .tickSizeOuter(0),
  );
  raie
    .axis(
      svg,
      left,
      0,
      d3
        .axisLeft(y)
        .ticks(5, "~s")
        .tickSize(-(width - 12 - left)),
    )
    .select(".domain")
    .remove();
  svg
    .append("text")
    .attr("class", "soft")
    .attr("x", 0)
    .attr("y", top - 10)
    .text("events");
  const base = new Map();
  const order = new Map(slices.map((name, i) => [name, i]));
  const bars = records
    .slice()
    .sort((a, b) => a.start - b.start || order.get(a.slice) - order.get(b.slice))
    .map((d) => {
      const from = base.get(d.start) || 0;
      base.set(d.start, from + d.events);
      return { ...d, from };
    });
  const rects = svg
    .append("g")
    .selectAll("rect")
    .data(bars)
    .enter()
    .append("rect")
    .attr("class", "mark")
    .attr("x", (d) => x(dates(d.start)))
    .attr("width", (d) => Math.max(0.8, x(dates(d.end)) - x(dates(d.start)) - 0.8))
    .attr("y", (d) => y(d.from + d.events))
    .attr("height", (d) => Math.max(0.5, y(d.from) - y(d.from + d.events)))
    .style("fill", (d) => raie.colour(order.get(d.slice)));
  raie.hover(
    rects,
    (d) =>
      `${raie.formats.day(d.start)} to ${raie.formats.day(d.end)}\n${d.slice}: ${raie.formats.count(d.events)} events`,
  );
  cuts.forEach((cut, i) => {
    const at = x(dates(cut));
    svg
      .append("line")
      .attr("class", "zero")
      .attr("x1", at)
      .attr("x2", at)
      .attr("y1", top - 6)
      .attr("y2", top + height);
    const isRight = at > width * 0.75;
    svg
      .append("text")
      .attr("class", "soft")
      .attr("x", at + (isRight ? -5 : 5))
      .attr("y", top - 24 + (i % 2) * 14)
      .attr("text-anchor", isRight ? "end" : "start")
      .text(raie.formats.day(cut));
  });
  setHeight(top + height + 26);
};
