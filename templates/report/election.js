const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);

// --- Elements. Text is always text: nothing of the inventory is read as markup.

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.map(String));
  return made;
};
const drawing = (name, attributes = {}, text = null) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
};
// Told apart by eye in both themes, and dark text is readable on each.
const COLOURS = ['#8ecae6', '#ffb703', '#a7d28d', '#f4a6a6', '#cdb4db', '#e9c46a', '#90e0c5', '#d5bdaf'];
const colour = (entrypoint) => COLOURS[entrypoint % COLOURS.length];

// --- The election: effective priority, then address (RFC 9568, 6.4.3).

const isOut = (scenario, node) => scenario.failed.has(node) || scenario.drained.has(node);
const isUnhealthy = (scenario, entrypoint, node) => scenario.unhealthy.has(entrypoint + '@' + node);

// What an instance brings: its priority, or null for FAULT. `lost` is null where nothing is tracked, -1 for FAULT.
const priority = (vip, candidate, scenario) => {
  if (candidate.lost === null || !isUnhealthy(scenario, vip.entrypoint, candidate.node)) return candidate.priority;
  return candidate.lost < 0 ? null : Math.max(1, candidate.priority - candidate.lost);
};

const elect = (scenario) => data.vips.map((vip) => {
  let best = null;
  for (const candidate of vip.candidates) {
    if (isOut(scenario, candidate.node)) continue;
    const own = priority(vip, candidate, scenario);
    if (own === null) continue;
    // Candidates stand in the order of their addresses, the highest first.
    if (best === null || own > best.own) best = { own, node: candidate.node };
  }
  return best === null ? null : best.node;
});

const loadsOf = (holders) => {
  const loads = data.nodes.map(() => 0);
  for (const node of holders) if (node !== null) loads[node] += 1;
  return loads;
};

// The share of each node that can hold something, rounded up; null for the others.
const sharesOf = (scenario) => {
  const shares = data.nodes.map(() => null);
  for (const group of data.groups) {
    const live = group.nodes.filter((node) => !isOut(scenario, node));
    const hasShare = (node) => data.nodes[node].weight > 0
      && !data.nodes[node].entrypoints.every(([entrypoint, tracked]) => tracked && isUnhealthy(scenario, entrypoint, node));
    let alive = live.filter(hasShare).map((node) => [node, data.nodes[node].weight]);
    if (alive.length === 0) alive = live.map((node) => [node, 1]);
    const weight = alive.reduce((sum, [, own]) => sum + own, 0);
    for (const [node, own] of alive) shares[node] = Math.ceil(group.vips * own / weight);
  }
  return shares;
};

const none = () => ({ failed: new Set(), drained: new Set(), unhealthy: new Set() });
const failing = (nodes) => ({ ...none(), failed: new Set(nodes) });

// --- What is wrong just now.

const now = none();
const before = elect(none());

const stateOf = (node) => (now.failed.has(node) ? 'failed' : now.drained.has(node) ? 'drained' : 'up');
const setState = (node, state) => {
  now.failed.delete(node);
  now.drained.delete(node);
  if (state === 'failed') now.failed.add(node);
  if (state === 'drained') now.drained.add(node);
};
