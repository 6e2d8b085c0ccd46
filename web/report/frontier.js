// Chart: what each method keeps of S (across) against what it gives on T (up), a curve a method.
"use strict";

raie.charts.frontier = function (canvas, block, width) {
  const { svg, setHeight } = raie.svgOf(canvas, block, width);
  const records = raie.records(block).filter((d) => d.S_held_out !== null && d.T !== null);
  const series = raie.unique(records.map((d) => d.series));
  const top =
    raie.legend(svg, series, width, (g, name, i) => {
      g.append("line")
        .attr("x1", -9)
        .attr("x2", 9)
        .style("stroke", raie.colour(i))
        .attr("stroke-width", 2)
        .attr("stroke-dasharray", raie.dash(i));
      g.append("path").attr("d", raie.symbol(i, 46)).style("fill", raie.colour(i));
    }) + 26;
  const height = width < 600 ? 260 : 380;
  const left = 58;
  const x = d3
    .scaleLinear()
    .domain(d3.extent(records, (d) => d.S_held_out))
    .nice(6)
    .range([left, width - 16]);
  const y = d3
    .scaleLinear()
    .domain(d3.extent(records, (d) => d.T))
    .nice(6)
    .range([top + height, top]);
  raie
    .axis(
      svg,
      0,
      top + height,
      d3
        .axisBottom(x)
        .ticks(Math.max(3, width / 120))
        .tickSize(-height),
    )
    .select(".domain")
    .remove();
  raie
    .axis(
      svg,
      left,
      0,
      d3
        .axisLeft(y)
        .ticks(6)
        .tickSize(-(width - 16 - left)),
    )
    .select(".domain")
    .remove();
  svg
    .append("text")
    .attr("class", "soft")
    .attr("x", 0)
    .attr("y", top - 12)
    .text("NDCG@10 on T");
  svg
    .append("text")
    .attr("class", "soft")
    .attr("x", width - 16)
    .attr("y", top + height + 34)
    .attr("text-anchor", "end")
    .text("NDCG@10 on S held-out");
  series.forEach((name, i) => {
    const own = records.filter((d) => d.series === name).sort((a, b) => a.S_held_out - b.S_held_out);
    svg
      .append("path")
      .attr(
        "d",
        d3
          .line()
          .x((d) => x(d.S_held_out))
          .y((d) => y(d.T))(own),
      )
      .style("stroke", raie.colour(i))
      .attr("fill", "none")
      .attr("stroke-width", 1.8)
      .attr("stroke-dasharray", raie.dash(i));
    const points = svg
      .append("g")
      .selectAll("path")
      .data(own)
      .enter()
      .append("path")
      .attr("class", "mark")
      .attr("transform", (d) => `translate(${x(d.S_held_out)},${y(d.T)})`)
      .attr("d", raie.symbol(i, own.length === 1 ? 90 : 52))
      .style("fill", raie.colour(i));
    raie.hover(
      points,
      (d) =>
        `${d.series}\n${d.point}\nS held-out ${raie.formats.score(d.S_held_out)}, T ${raie.formats.score(d.T)}`,
    );
  });
  setHeight(top + height + 44);
};
