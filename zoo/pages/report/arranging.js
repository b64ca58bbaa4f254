// Where boxes and lines of the diagram are when some of its modules are open

const LINE = 8.6, BASE = 6, TITLE = 11.6, PAD = 4, NEAR = 0.1;
const two_decimals = (number) => Number(number.toFixed(2));

/** A node of a level as it is drawn: where it is, and the level inside if that is open. */
function nodeOf([names, title, x, y, width, height, role, radius, texts, inside, heading], level, levels, open) {
  const node = { names, title, x, y, width, height, role, radius, texts, inside, heading, middle: x + width / 2 };
  if (inside === null || !open.has(inside)) return node;
  node.level = arranged(levels[inside], levels, open);
  const left = node.level.left + PAD, right = node.level.right + PAD, spare = Math.max(heading.length * 3.9 + 8 - left - right, 0) / 2;
  return Object.assign(node, { left: left + spare, right: right + spare, grown: node.level.height + TITLE });
}

/** A level with what is open in it: what stands beside a module moves aside, and what stands below it moves down. */
function arranged(level, levels, open) {
  const nodes = level.nodes.map((node) => nodeOf(node, level, levels, open)), opened = nodes.filter((node) => node.level);
  const rows = new Map(), columns = new Map();
  for (const node of opened) {
    const beside = nodes.filter((other) => other.y < node.y + node.height && other.y + other.height > node.y);
    const bottom = Math.max(...beside.map((other) => other.y + other.height));
    rows.set(bottom, Math.max(rows.get(bottom) ?? 0, node.y + node.grown - bottom));
    const half = node.width / 2, column = columns.get(node.middle.toFixed(1)) ?? { at: node.middle, half: 0, left: 0, right: 0 };
    column.half = Math.max(column.half, half);
    column.left = Math.max(column.left, node.left - half);
    column.right = Math.max(column.right, node.right - half);
    columns.set(node.middle.toFixed(1), column);
  }
  const down = (y) => [...rows].reduce((sum, [bottom, more]) => sum + (y >= bottom - NEAR ? more : 0), y);
  const aside = (x) => [...columns.values()].reduce((sum, { at, half, left, right }) => sum + (x <= at - half + NEAR ? -left : x >= at + half - NEAR ? right : 0), x);
  for (const node of nodes) {
    const top = down(node.y), wide = node.role === "merge" && node.radius < 5;
    node.shift = wide ? null : aside(node.middle) - node.middle;
    if (wide) [node.x, node.width] = [aside(node.x), aside(node.x + node.width) - aside(node.x)];
    else if (node.level) Object.assign(node, { x: aside(node.middle) - node.left, width: node.left + node.right, entry: aside(node.middle) });
    else node.x += node.shift;
    node.drop = [top - node.y, top - node.y + (node.level ? node.grown - node.height : 0)];
    node.y = top;
    node.height = node.grown ?? node.height;
  }
  const paths = level.wires.map(([start, end, tip, flat]) => ({ tip, points: followed(flat, nodes[start], nodes[end], aside, down) }));
  const [left, right, height] = level.extents;
  return { nodes, paths, left: -aside(-left), right: aside(right), height: down(height) };
}

/** The points of a line after its nodes have moved; its ends stay at them. */
function followed(flat, start, end, aside, down) {
  const from = flat.flatMap((x, i) => (i % 2 ? [] : [[x, flat[i + 1]]])), to = from.map(([x, y]) => [aside(x), down(y)]), last = from.length - 1;
  const upright = (i, j) => Math.abs(from[i][0] - from[j][0]) < NEAR;
  if (start) {
    to[0][1] = from[0][1] + start.drop[1];
    if (start.shift !== null) for (let i = 0; i === 0 || (i <= last && upright(i, i - 1)); i++) to[i][0] = from[i][0] + start.shift;
  }
  if (!end) return to;
  to[last][1] = from[last][1] + end.drop[0];
  if (!upright(last, last - 1)) to[last - 1][1] = to[last][1]; // into the side of a circle
  if (end.shift === null) return to;
  to[last][0] = from[last][0] + end.shift;
  let turn = last - 1;
  for (; turn > 0 && upright(turn, turn + 1); turn--) to[turn][0] = from[turn][0] + end.shift;
  if (turn > 0 || !upright(0, 1) || Math.abs(to[0][0] - to[last][0]) < NEAR) return to;
  const middle = (to[0][1] + to[last][1]) / 2;
  return [to[0], [to[0][0], middle], [to[last][0], middle], to[last]];
}

/** A path of steps with rounded corners. */
function rounded(points) {
  const cut = ([x, y], [cx, cy]) => {
    const length = Math.max(Math.abs(cx - x) + Math.abs(cy - y), 1e-9), part = Math.min(2.5, length / 2) / length;
    return [cx - (cx - x) * part, cy - (cy - y) * part];
  };
  const text = (point) => point.map(two_decimals).join(" ");
  const corners = points.slice(1, -1).map((corner, i) => `L${text(cut(points[i], corner))}Q${text(corner)} ${text(cut(points[i + 2], corner))}`);
  return `M${text(points[0])}${corners.join("")}L${text(points.at(-1))}`;
}

function tipped(points) {
  const [[ax, ay], [x, y]] = points.slice(-2), length = Math.max(Math.hypot(x - ax, y - ay), 1e-9), [ux, uy] = [(x - ax) / length, (y - ay) / length];
  return `M${[[x, y], [x - ux * 3.6 - uy * 1.5, y - uy * 3.6 + ux * 1.5], [x - ux * 3.6 + uy * 1.5, y - uy * 3.6 - ux * 1.5]].map((point) => point.map(two_decimals).join(" ")).join("L")}z`;
}
