// Chart: quality (up) against what it took (across), which the reader chooses.
"use strict";

(() => {
  const kMeasures = ["learn_seconds", "samples", "trained_parameters", "bytes_kept"];

  raie.charts.cost = function (canvas, block, width) {
    const measures = kMeasures.filter((key) => raie.records(block).some((d) => d[key] > 0));
    const chosen = canvas.dataset.measure || measures[0];
    let controls = canvas.querySelector(".controls");
    if (!controls) {
      controls = raie.element("div", { class: "controls" });
      const options = measures.map((key) => [key, raie.columnOf(block, key).label.toLowerCase()]);
      controls.append(
        raie.select("Cost:", options, chosen, (key) => {
          canvas.dataset.measure = key;
          raie.charts.cost(canvas, block, canvas.clientWidth || width);
        }),
      );
      canvas.append(controls);
    }
    draw(canvas, block, width, chosen);
  };

  // A logarithmic scale where values differ widely; what took nothing stands left of it.
  function scaleOf(values, range) {
    const positive = values.filter((v) => v > 0);
    const [low, high] = d3.extent(positive);
    if (positive.length === 0 || high / d3.median(positive) < 12) {
      const scale = d3
        .scaleLinear()
        .domain([0, high || 1])
        .nice()
        .range(range);
      return { scale, at: scale };
    }
    const none = values.length > positive.length;
    const scale = d3
      .scaleLog()
      .domain([low / 1.25, high * 1.25])
      .range([range[0] + (none ? 46 : 0), range[1]]);
    return { scale, at: (v) => (v > 0 ? scale(v) : range[0] + 8), none: none ? range[0] + 8 : null };
  }

  // Moves labels apart that would overlap.
  function spread(labels) {
    const placed = [];
    labels
      .sort((a, b) => a.y - b.y)
      .forEach((label) => {
        // From above to below, each below those it would lie upon.
        placed
          .filter((other) => label.x <= other.x + other.width && other.x <= label.x + label.width)
          .sort((a, b) => a.y - b.y)
          .forEach((other) => {
            if (Math.abs(label.y - other.y) < 13) label.y = other.y + 13;
          });
        placed.push(label);
      });
  }

  function draw(canvas, block, width, key) {
    const { svg, setHeight } = raie.svgOf(canvas, block, width);
    const column = raie.columnOf(block, key);
    const format = raie.formats[column.format];
    const records = raie.records(block).filter((d) => d.ndcg10 !== null && d[key] !== null);
    const height = width < 600 ? 280 : 360;
    const top = 30;
    const left = 56;
    const { scale, at, none } = scaleOf(
      records.map((d) => d[key]),
      [left, width - 20],
    );
    const means = records.map((d) => d.ndcg10.value);
    const [least, most] = raie.mostOf(means, d3.median(means));
    const near = records.filter((d) => d.ndcg10.value >= least && d.ndcg10.value <= most);
    const y = d3
      .scaleLinear()
      .domain([d3.min(near, (d) => d.ndcg10.low), d3.max(near, (d) => d.ndcg10.high)])
      .nice(5)
      .range([top + height, top])
      .clamp(true);
    const isOff = (d) => d.ndcg10.value < y.domain()[0] || d.ndcg10.value > y.domain()[1];
    const ticks = d3.axisBottom(scale).tickSizeOuter(0);
    const unit = { learn_seconds: " s", bytes_kept: "B" }[key] || "";
    const short = d3.format(key === "learn_seconds" ? "~r" : "~s");
    if (scale.base) {
      const decades = scale.ticks(4).filter((v) => /^[125]/.test(v.toExponential()));
      const kept = decades.filter(
        (v, i) => i === 0 || scale(v) - scale(decades[i - 1]) > 52 || /^1/.test(v.toExponential()),
      );
      ticks.tickValues(kept).tickFormat((v) => short(v) + unit);
    } else {
      ticks.ticks(Math.max(3, width / 130)).tickFormat((v) => short(v) + unit);
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
          .tickSize(-(width - 20 - left)),
      )
      .select(".domain")
      .remove();
    if (none) {
      svg
        .append("text")
        .attr("class", "soft")
        .attr("x", none)
        .attr("y", top + height + 17)
        .attr("text-anchor", "middle")
        .text("none");
    }
    svg
      .append("text")
      .attr("class", "soft")
      .attr("x", 0)
      .attr("y", top - 14)
      .text(raie.columnOf(block, "ndcg10").label);
    svg
      .append("text")
      .attr("class", "soft")
      .attr("x", width - 20)
      .attr("y", top + height + 36)
      .attr("text-anchor", "end")
      .text(column.label.toLowerCase());
    const groups = svg.append("g").selectAll("g").data(records).enter().append("g");
    groups
      .append("line")
      .attr("x1", (d) => at(d[key]))
      .attr("x2", (d) => at(d[key]))
      .attr("y1", (d) => y(d.ndcg10.low))
      .attr("y2", (d) => y(d.ndcg10.high))
      .style("stroke", (d) => raie.verdictMark(d.verdict, 1).colour)
      .attr("stroke-opacity", 0.5);
    groups
      .append("path")
      .attr("class", "mark")
      .attr("transform", (d) => `translate(${at(d[key])},${y(d.ndcg10.value)})`)
      .attr("d", (d) => raie.verdictMark(d.verdict, 64).path)
      .style("fill", (d) => raie.verdictMark(d.verdict, 64).fill)
      .style("stroke", (d) => raie.verdictMark(d.verdict, 64).colour)
      .attr("stroke-width", 1.6);
    const labels = records.map((d) => {
      const name = isOff(d) ? `${d.method} (${raie.formats.score(d.ndcg10.value)}, off the scale)` : d.method;
      const needed = 7 * name.length;
      const right = at(d[key]) + 9 + needed < width;
      return {
        name,
        x: right ? at(d[key]) + 9 : at(d[key]) - 9 - needed,
        y: y(d.ndcg10.value),
        width: needed,
        right,
      };
    });
    spread(labels);
    svg
      .append("g")
      .selectAll("text")
      .data(labels)
      .enter()
      .append("text")
      .attr("x", (d) => (d.right ? d.x : d.x + d.width))
      .attr("y", (d) => d.y)
      .attr("dy", "0.35em")
      .attr("text-anchor", (d) => (d.right ? "start" : "end"))
      .text((d) => d.name);
    raie.hover(
      groups,
      (d) =>
        `${d.method}\n${raie.textOf(raie.columnOf(block, "ndcg10"), d.ndcg10)} [${raie.formats.score(d.ndcg10.low)}, ${raie.formats.score(d.ndcg10.high)}]\n` +
        `${column.label}: ${format(d[key])}\n${raie.formats.verdict(d.verdict)}`,
    );
    setHeight(top + height + 46);
  }
})();
