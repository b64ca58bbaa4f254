// What one unit of the selected layer sees

/** A picture to look at, 100 by 100: a landscape, or a digit for networks of one channel. */
function scene(channels) {
  const fill = (color) => ({ fill: color });
  if (channels === 1) {
    return [make("rect", { width: 100, height: 100, ...fill("#101014") }), make("path", { d: "M30 27Q50 12 66 25T52 47Q76 51 69 70T29 76", fill: "none", stroke: "#f4f4f4", "stroke-width": 10, "stroke-linecap": "round", "stroke-linejoin": "round" })];
  }
  return [
    make("rect", { width: 100, height: 100, ...fill("#bfe0f2") }),
    make("circle", { cx: 78, cy: 20, r: 9, ...fill("#ffe08a") }),
    make("path", { d: "M0 62L22 30 38 50 58 24 100 66V100H0Z", ...fill("#8fa6b8") }),
    make("path", { d: "M22 30L28 38 22 41 17 38ZM58 24L65 33 58 37 51 33Z", ...fill("#f7fafc") }),
    make("path", { d: "M0 66Q30 54 55 64T100 60V100H0Z", ...fill("#7fb069") }),
    make("rect", { x: 57, y: 58, width: 22, height: 18, ...fill("#d9775f") }),
    make("path", { d: "M53 59L68 45 83 59Z", ...fill("#7d3c2f") }),
    make("rect", { x: 65, y: 66, width: 6, height: 10, ...fill("#4a2a22") }),
    make("rect", { x: 73, y: 62, width: 4, height: 4, ...fill("#fdf3c4") }),
    make("rect", { x: 22, y: 62, width: 4, height: 16, ...fill("#6b4a32") }),
    make("circle", { cx: 24, cy: 56, r: 11, ...fill("#3f7d46") }),
    make("ellipse", { cx: 44, cy: 84, rx: 8, ry: 4.5, ...fill("#f2ede4") }),
    make("circle", { cx: 51, cy: 80, r: 3.2, ...fill("#f2ede4") }),
    make("circle", { cx: 52, cy: 79.4, r: 0.6, ...fill("#222") }),
    make("path", { d: "M39 87V92M42 88V92M46 88V92M49 87V92", fill: "none", stroke: "#8a7d6c", "stroke-width": 1.2 }),
    make("path", { d: "M30 18Q33 14 36 18Q39 14 42 18M44 25Q46 22 48 25Q50 22 52 25", fill: "none", stroke: "#445", "stroke-width": 1 }),
  ];
}

function picture(model, node) {
  const cell = model.cells.rf?.[node], [height, width] = model.input.slice(-2), axes = model.input.length - 2;
  if (!cell) return make("p", { class: "muted" }, "It does not depend on the network's input.");
  if (cell.undefined) return make("p", { class: "muted" }, `Receptive field undefined: ${cell.undefined}`);
  if (axes !== 2 || cell.size.length !== 2) return make("p", { class: "muted" }, `One unit sees ${shape(cell.size)} of ${shape(model.input.slice(2))}.`);
  const output = model.cells.output[node] ?? [];
  const sizes = Array.isArray(output[0]) ? output[0] : output;
  const units = sizes.length === 4 && !cell.global ? sizes.slice(2) : [1, 1];
  const stride = cell.stride.map(fraction), unit = units.map((count) => Math.floor(count / 2));
  const svg = make("svg", { role: "img" }), caption = make("figcaption");
  const inside = (low, high, end) => [Math.max(low, 0), Math.min(high, end)];

  function draw() {
    const [top, left] = [0, 1].map((axis) => unit[axis] * stride[axis] - cell.padding[axis]);
    const [bottom, right] = [top + cell.size[0], left + cell.size[1]];
    const room = (beyond, side) => Math.min(Math.max(beyond, side * 0.04), side * 0.4);
    const view = { left: -room(-left, width), top: -room(-top, height), right: width + room(right - width, width), bottom: height + room(bottom - height, height) };
    svg.setAttribute("viewBox", `${view.left} ${view.top} ${view.right - view.left} ${view.bottom - view.top}`);
    const [x0, x1] = inside(left, right, width), [y0, y1] = inside(top, bottom, height);
    const frame = `M0 0H${width}V${height}H0Z`, hole = x1 > x0 && y1 > y0 ? `M${x0} ${y0}V${y1}H${x1}V${y0}Z` : "";
    const place = { x: left, y: top, width: cell.size[1], height: cell.size[0] };
    const shown = { x: x0, y: y0, width: Math.max(x1 - x0, 0), height: Math.max(y1 - y0, 0) };
    svg.replaceChildren(
      make("g", { transform: `scale(${width / 100} ${height / 100})` }, ...scene(model.input[1])),
      make("path", { class: "dim", d: frame + hole }),
      make("rect", { class: "beyond", ...place }),
      make("rect", { class: "window", "stroke-width": 4, ...shown }),
      make("rect", { class: "rim", "stroke-width": 2, ...shown }),
    );
    const covered = (Math.max(x1 - x0, 0) * Math.max(y1 - y0, 0)) / (width * height);
    const outside = left < 0 || top < 0 || right > width || bottom > height;
    const step = cell.stride[0] === 0 ? "" : `, the next unit ${cell.stride[0] === cell.stride[1] ? cell.stride[0] : shape(cell.stride)} further`;
    caption.textContent = `${cell.global ? "It" : `Unit ${unit.join(",")} of ${shape(units)}`} sees ${shape(cell.size)} pixels${step}: ${percent(covered)} of the image${outside ? "; dashed: beyond the border" : ""}.`;
    svg.setAttribute("aria-label", caption.textContent);
  }
  const choose = (axis, value) => {
    unit[axis] = Math.min(Math.max(value, 0), units[axis] - 1);
    draw();
  };
  const ranges = ["row", "column"].map((name, axis) => units[axis] > 1 && make("label", {}, name, make("input", { type: "range", min: 0, max: units[axis] - 1, value: unit[axis], oninput: (event) => choose(axis, Number(event.target.value)) })));
  svg.addEventListener("click", (event) => {
    const box = svg.getScreenCTM().inverse(), point = new DOMPoint(event.clientX, event.clientY).matrixTransform(box);
    [point.y, point.x].forEach((at, axis) => {
      if (units[axis] < 2) return;
      choose(axis, Math.round((at - cell.size[axis] / 2 + cell.padding[axis]) / stride[axis]));
      one("input", ranges[axis]).value = unit[axis];
    });
  });
  draw();
  return make("figure", { class: "picture" }, svg, caption, make("div", { class: "units" }, ...ranges.filter(Boolean)));
}
