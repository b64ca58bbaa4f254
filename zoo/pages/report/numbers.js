// Cells as text and as numbers

const number = (cell) => {
  if (typeof cell === "number") return cell;
  if (Array.isArray(cell)) return cell.flat(2).reduce((product, size) => product * size, 1);
  if (cell && typeof cell === "object") return cell.at_least ?? cell.size?.reduce((product, size) => product * size, 1) ?? -1;
  return -1;
};
const grouped = (count) => Math.round(count).toLocaleString("en-US");
const percent = (part) => (part >= 0.1 ? `${(100 * part).toFixed(0)}%` : part >= 0.001 ? `${(100 * part).toFixed(1)}%` : part > 0 ? "< 0.1%" : "0%");
const columnsOf = (model) => model.columns.map(([name]) => name);
const additive = (model) => columnsOf(model).filter((name) => ["macs", "params", "flops", "activations"].includes(name));
const share = (model, column, node) => {
  const whole = additive(model).includes(column) ? number(model.cells[column][0]) : 0;
  return whole > 0 ? number(model.cells[column][node]) / whole : null;
};
const fraction = (text) => (typeof text === "number" ? text : text.split("/").reduce((a, b) => Number(a) / Number(b)));
const shape = (sizes) => sizes.join("×");
const written = (model, column, node) => model.texts(node, column) ?? "–";
