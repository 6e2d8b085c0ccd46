// Chart: shares as bars in groups. Options: group, label, value (columns).
"use strict";

raie.charts.bars = function (canvas, block, width) {
  const { svg, setHeight } = raie.svgOf(canvas, block, width);
  const { group, label, value } = block.options;
  const records = raie.records(block);
  const column = raie.columnOf(block, value);
  const labels = raie.unique(records.map((d) => d[label]));
  const wide = width >= 640;
  const left = wide ? 290 : 8;
  const x = d3
    .scaleLinear()
    .domain([0, d3.max(records, (d) => d[value]) || 1])
    .range([0, width - left - 70]);
  let y = 4;
  raie.unique(records.map((d) => d[group])).forEach((name) => {
    svg
      .append("text")
      .attr("class", "strong")
      .attr("x", 0)
      .attr("y", y + 13)
      .text(name);
    y += 22;
    records
      .filter((d) => d[group] === name)
      .forEach((d) => {
        const g = svg.append("g").datum(d);
        const text = g
          .append("text")
          .attr("x", wide ? left - 10 : left)
          .attr("y", y + 12)
          .text(d[label]);
        if (wide) text.attr("text-anchor", "end");
        else y += 17;
        g.append("rect")
          .attr("class", "mark")
          .attr("x", left)
          .attr("y", y + 1)
          .attr("width", Math.max(1, x(d[value])))
          .attr("height", 14)
          .style("fill", raie.colour(labels.indexOf(d[label])));
        g.append("text")
          .attr("class", "soft")
          .attr("x", left + x(d[value]) + 6)
          .attr("y", y + 12)
          .text(raie.textOf(column, d[value]));
        raie.hover(g, () => `${name}\n${d[label]}: ${raie.textOf(column, d[value])}`);
        y += 20;
      });
    y += 8;
  });
  setHeight(y);
};
