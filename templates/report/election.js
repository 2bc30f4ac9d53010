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

// Names as people sort them: lb-2 stands before lb-10.
const byName = new Intl.Collator('en', { numeric: true }).compare;
const nodesByName = data.nodes.map((_, at) => at).sort((a, b) => byName(data.nodes[a].name, data.nodes[b].name));
const zonesByName = [...new Set(data.nodes.map((node) => node.zone))].filter((zone) => zone !== null).sort(byName);

const loadsOf = (holders) => {
  const loads = data.nodes.map(() => 0);
  for (const node of holders) if (node !== null) loads[node] += 1;
  return loads;
};

// The nodes that share the VIPs of a group, each with its weight.
const sharing = (group, scenario) => {
  const live = group.nodes.filter((node) => !isOut(scenario, node));
  const hasShare = (node) => data.nodes[node].weight > 0
    && !data.nodes[node].entrypoints.every(([entrypoint, tracked]) => tracked && isUnhealthy(scenario, entrypoint, node));
  const alive = live.filter(hasShare).map((node) => [node, data.nodes[node].weight]);
  return alive.length === 0 ? live.map((node) => [node, 1]) : alive;
};
const weightOf = (nodes) => nodes.reduce((sum, [, own]) => sum + own, 0);

// The share of each node that can hold something, rounded up; null for the others.
const sharesOf = (scenario) => {
  const shares = data.nodes.map(() => null);
  for (const group of data.groups) {
    const alive = sharing(group, scenario);
    for (const [node, own] of alive) shares[node] = Math.ceil(group.vips * own / weightOf(alive));
  }
  return shares;
};

// The share of each zone: the sum of its shares of every group, rounded up. Of 32 binary places, as `plan` has it.
const zoneShares = (scenario) => zonesByName.map((zone) => {
  let sum = 0n;
  for (const group of data.groups) {
    const alive = sharing(group, scenario);
    const inside = weightOf(alive.filter(([node]) => data.nodes[node].zone === zone));
    sum += (BigInt(group.vips * inside) << 32n) / BigInt(Math.max(1, weightOf(alive)));
  }
  return Number((sum + (1n << 32n) - 1n) >> 32n);
});
const zoneLoads = (loads) => zonesByName.map((zone) =>
  loads.reduce((sum, own, at) => sum + (data.nodes[at].zone === zone ? own : 0), 0));

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
