// Chart: values with their intervals, a line each, in panels beside or below each other.
// Options: label, panel, value (columns); text (a column printed at the end), zero (a line at 0),
// help (a column shown on hover).
"use strict";

raie.charts.intervals = function (canvas, block, width) {
  const { svg, setHeight } = raie.svgOf(canvas, block, width);
  const { label, panel, value, text, zero, help } = block.options;
  const records = raie.records(block);
  const panels = raie.unique(records.map((d) => d[panel]));
  const labels = raie.unique(records.map((d) => d[label]));
  const longest = d3.max(labels, (name) => name.length);
  const left = Math.min(7 * Math.min(longest, 34) + 14, width * 0.4);
  const letters = Math.floor((left - 14) / 6.6);
  const right = text ? 62 : 30;
  const columns = panels.length > 1 && width >= 700 ? Math.min(panels.length, 3) : 1;
  const step = labels.length > 40 ? 17 : 24;
  const bodyWidth = (width - left) / columns;
  const format = raie.formats[raie.columnOf(block, value).format];
  let bottom = 0;

  // Stacked panels show only the labels they have.
  function labelsOf(i) {
    return raie.unique(records.filter((d) => d[panel] === panels[i]).map((d) => d[label]));
  }

  panels.forEach((name, i) => {
    const own = columns === 1 ? labelsOf(i) : labels;
    const top = columns === 1 ? bottom + 34 : Math.floor(i / columns) * (34 + labels.length * step + 44) + 34;
    const x0 = left + (columns === 1 ? 0 : (i % columns) * bodyWidth);
    const height = own.length * step;
    const rows = records.filter((d) => d[panel] === name && d[value] !== null);
    const means = rows.map((d) => d[value].value);
    const [least, most] = raie.mostOf(means, zero ? 0 : d3.median(means));
    const near = rows.filter((d) => d[value].value >= least && d[value].value <= most);
    const low = d3.min(near, (d) => d[value].low);
    const high = d3.max(near, (d) => d[value].high);
    const domain = zero ? [Math.min(0, low || 0), Math.max(0, high || 0)] : [low, high];
    const pad = (domain[1] - domain[0] || 0.01) * 0.06;
    const x = d3
      .scaleLinear()
      .domain([domain[0] - pad, domain[1] + pad])
      .range([x0 + 8, x0 + bodyWidth - right])
      .clamp(true);
    const isOff = (d) =>
      d[value] !== null && (d[value].value < x.domain()[0] || d[value].value > x.domain()[1]);
    const y = d3
      .scaleBand()
      .domain(own)
      .range([top, top + height]);
    const centre = (d) => y(d[label]) + y.bandwidth() / 2;

    svg
      .append("text")
      .attr("class", "strong")
      .attr("x", x0 + 8)
      .attr("y", top - 14)
      .text(name);
    raie.axis(
      svg,
      0,
      top + height,
      d3
        .axisBottom(x)
        .ticks(Math.max(2, bodyWidth / 110))
        .tickSizeOuter(0),
    );
    own.forEach((one, k) => {
      const at = y(one) + y.bandwidth() / 2;
      svg
        .append("line")
        .attr("class", "rule")
        .attr("x1", x.range()[0])
        .attr("x2", x.range()[1])
        .attr("y1", at)
        .attr("y2", at);
      if (x0 !== left) return;
      svg
        .append("text")
        .attr("x", left - 10)
        .attr("y", at)
        .attr("dy", "0.35em")
        .attr("text-anchor", "end")
        .text(raie.shorten(one, letters))
        .append("title")
        .text(own[k]);
    });
    if (zero) {
      svg
        .append("line")
        .attr("class", "zero")
        .attr("x1", x(0))
        .attr("x2", x(0))
        .attr("y1", top)
        .attr("y2", top + height);
    }
    const groups = svg
      .append("g")
      .selectAll("g")
      .data(
        records.filter(
          (d) => d[panel] === name && (d[value] !== null || (zero && d.verdict === "reference")),
        ),
      )
      .enter()
      .append("g")
      .attr("transform", (d) => `translate(0,${centre(d)})`);
    groups
      .filter((d) => d[value] !== null && !isOff(d))
      .append("line")
      .attr("x1", (d) => x(d[value].low))
      .attr("x2", (d) => x(d[value].high))
      .style("stroke", (d) => raie.verdictMark(d.verdict, 1).colour)
      .attr("stroke-width", 2);
    groups
      .append("path")
      .attr("class", "mark")
      .attr("transform", (d) => `translate(${x(d[value] === null ? 0 : d[value].value)},0)`)
      .attr("d", (d) => raie.verdictMark(d.verdict, 64).path)
      .style("fill", (d) => raie.verdictMark(d.verdict, 64).fill)
      .style("stroke", (d) => raie.verdictMark(d.verdict, 64).colour)
      .attr("stroke-width", 1.6);
    groups
      .filter(isOff)
      .append("text")
      .attr("class", "soft")
      .attr("x", (d) => x(d[value].value) + (d[value].value < 0 ? 10 : -10))
      .attr("dy", "0.35em")
      .attr("text-anchor", (d) => (d[value].value < 0 ? "start" : "end"))
      .text(
        (d) => (d[value].value < 0 ? "← " : "") + format(d[value].value) + (d[value].value < 0 ? "" : " →"),
      );
    if (text) {
      groups
        .filter((d) => d[text] !== null)
        .append("text")
        .attr("class", "soft")
        .attr("x", x0 + bodyWidth - right + 10)
        .attr("dy", "0.35em")
        .text((d) => raie.textOf(raie.columnOf(block, text), d[text]));
    }
    raie.hover(groups, (d) => {
      const interval = d[value];
      const mean =
        interval === null
          ? ""
          : `${format(interval.value)} [${format(interval.low)}, ${format(interval.high)}]`;
      const lines = [`${d[label]} (${name})`, mean];
      if (d.p_adjusted !== null && d.p_adjusted !== undefined) {
        lines.push("p (Holm) " + raie.formats.p(d.p_adjusted));
      }
      lines.push(raie.formats.verdict(d.verdict));
      if (help && d[help]) lines.push(d[help]);
      return lines.filter((line) => line !== "").join("\n");
    });
    bottom = top + height + 30;
  });
  setHeight(bottom + 4);
};
