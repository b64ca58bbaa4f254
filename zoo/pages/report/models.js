// What the page shows: one network or two, each a tree of modules whose leaves are layers

const { models, pairs } = await unpacked(one("#data").textContent);
let workings; // most of the data, and not needed before a number is looked at
const worked = () => (workings ??= unpacked(one("#workings").textContent));
const two = models.length > 1;
const partners = [new Map(pairs), new Map(pairs.map(([i, j]) => [j, i]))];
let selected = null; // { model, node, column }

models.forEach((model, number) => {
  model.number = number;
  model.pane = one(`#pane-${"ab"[number]}`);
  model.children = model.names.map(() => []);
  model.parents.forEach((parent, node) => parent !== null && model.children[parent].push(node));
  model.leaves = model.names.map((_, node) => node).filter((node) => !model.children[node].length);
  model.levels = model.parents.map(() => 0);
  model.parents.forEach((parent, node) => (model.levels[node] = parent === null ? 0 : model.levels[parent] + 1));
  model.named = new Map(model.names.map((name, node) => [name, node]).reverse());
});
