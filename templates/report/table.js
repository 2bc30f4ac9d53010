// --- The table of nodes.

const nodeTable = (loads, shares) => {
  const table = byId('nodes');
  const head = element('tr');
  for (const title of ['Node', 'Zone', 'Inventory', 'State', 'VIPs', 'Bound']) head.append(element('th', { scope: 'col' }, title));
  data.entrypoints.forEach((entrypoint, number) => {
    const cell = element('th', { scope: 'col' }, entrypoint.name + ' unhealthy ');
    const nodes = data.nodes.map((_, at) => at).filter((at) => isTracked(number, at));
    if (nodes.length > 0) {
      const all = element('input', { type: 'checkbox', 'aria-label': `${entrypoint.name} unhealthy on every node` });
      all.checked = nodes.every((at) => isUnhealthy(now, number, at));
      all.addEventListener('change', () => { nodes.forEach((at) => setUnhealthy(number, at, all.checked)); show(); });
      cell.append(all);
    }
    head.append(cell);
  });
  const body = element('tbody');
  nodesByName.forEach((at) => {
    const node = data.nodes[at];
    const row = element('tr');
    row.append(element('th', { scope: 'row' }, node.name), element('td', {}, node.zone === null ? '' : node.zone),
      element('td', {}, node.written + (node.weight > 1 ? ', weight ' + node.weight : '')));
    const choice = element('select', { 'aria-label': 'State of ' + node.name });
    for (const state of ['up', 'failed', 'drained']) choice.append(element('option', { value: state }, state));
    choice.value = stateOf(at);
    choice.addEventListener('change', () => { setState(at, choice.value); show(); });
    const cell = element('td');
    cell.append(choice);
    const over = shares[at] !== null && loads[at] > shares[at];
    row.append(cell, element('td', { class: over ? 'number over' : 'number' }, loads[at]), element('td', { class: 'number' }, shares[at] === null ? '' : shares[at]));
    data.entrypoints.forEach((entrypoint, number) => {
      const box = element('td');
      if (isTracked(number, at)) {
        const check = element('input', { type: 'checkbox', 'aria-label': `${entrypoint.name} unhealthy on ${node.name}` });
        check.checked = isUnhealthy(now, number, at);
        check.addEventListener('change', () => {
          setUnhealthy(number, at, check.checked);
          show();
        });
        box.append(check);
      }
      row.append(box);
    });
    body.append(row);
  });
  const header = element('thead');
  header.append(head);
  // Whoever has the focus keeps it: what is drawn anew has the same label.
  const label = table.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') : null;
  table.replaceChildren(element('caption', {}, 'Nodes. Bound: the share of the VIPs by weight among the nodes that are left, rounded up'), header, body);
  const same = [...table.querySelectorAll('select, input')].find((one) => one.getAttribute('aria-label') === label);
  if (label !== null && same) same.focus();
};

// --- The table of zones.

const zoneTable = (loads, scenario) => {
  const table = byId('zones');
  table.hidden = zonesByName.length === 0;
  const head = element('tr');
  for (const title of ['Zone', 'VIPs', 'Bound']) head.append(element('th', { scope: 'col' }, title));
  const header = element('thead');
  header.append(head);
  const body = element('tbody');
  const [held, shares] = [zoneLoads(loads), zoneShares(scenario)];
  zonesByName.forEach((zone, at) => {
    const row = element('tr');
    row.append(element('th', { scope: 'row' }, zone), element('td', { class: held[at] > shares[at] ? 'number over' : 'number' }, held[at]),
      element('td', { class: 'number' }, shares[at]));
    body.append(row);
  });
  table.replaceChildren(element('caption', {}, 'Zones. Bound: the share of the zone by weight, rounded up'), header, body);
};

const isTracked = (entrypoint, node) => data.nodes[node].entrypoints.some(([own, tracked]) => own === entrypoint && tracked);
const setUnhealthy = (entrypoint, node, is) => {
  if (is) now.unhealthy.add(entrypoint + '@' + node); else now.unhealthy.delete(entrypoint + '@' + node);
};

// A file of the bundle, shown without its folders.
class File {
  constructor(path) {
    this.path = path;
    this.name = path.slice(path.lastIndexOf('/') + 1);
  }
}

// --- Tables that sort and filter. A cell is a text, a number, or { short, text } for what is folded.

const listing = (place, caption, columns) => {
  const shown = { column: null, down: false, text: '' };
  const filter = element('input', { type: 'search', class: 'filter', 'aria-label': 'Filter ' + caption, placeholder: 'filter' });
  const count = element('span', { role: 'status' });
  const table = element('table');
  const body = element('tbody');
  const head = element('tr');
  columns.forEach((title, at) => {
    const cell = element('th', { scope: 'col' });
    const sort = element('button', { type: 'button' }, title);
    sort.addEventListener('click', () => {
      shown.down = shown.column === at && !shown.down;
      shown.column = at;
      [...head.children].forEach((other) => other.removeAttribute('aria-sort'));
      cell.setAttribute('aria-sort', shown.down ? 'descending' : 'ascending');
      fill();
    });
    cell.append(sort);
    head.append(cell);
  });
  const drawn = (cell, at) => {
    if (at === 0) return element('th', { scope: 'row' }, cell);
    if (cell instanceof File) return element('td', { class: 'text', title: cell.path }, cell.name);
    if (typeof cell !== 'object') return element('td', { class: typeof cell === 'number' ? 'number' : columns[at] === 'Written' ? 'place' : 'text' }, cell);
    const [box, details] = [element('td'), element('details')];
    details.append(element('summary', {}, cell.short), cell.text);
    box.append(details);
    return box;
  };
  const said = (cell) => (cell instanceof File ? cell.path : typeof cell === 'object' ? cell.text : String(cell));
  // Hexadecimal numbers are sorted as numbers.
  const key = (cell) => (/^0x[0-9a-f]+$/.test(said(cell)) ? String(parseInt(cell, 16)) : said(cell));
  let all = [];
  const order = new Intl.Collator('en', { numeric: true });
  const fill = () => {
    let list = all.filter((entry) => entry.text.includes(shown.text));
    if (shown.column !== null) {
      list = [...list].sort((a, b) => order.compare(key(a.cells[shown.column]), key(b.cells[shown.column])) * (shown.down ? -1 : 1));
    }
    body.replaceChildren(...list.map((entry) => entry.row));
    count.textContent = ` ${list.length} of ${all.length}`;
  };
  filter.addEventListener('input', () => { shown.text = filter.value.trim().toLowerCase(); fill(); });
  const header = element('thead');
  header.append(head);
  table.append(element('caption', {}, caption), header, body);
  const scroll = element('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': caption });
  scroll.append(table);
  place.replaceChildren(filter, count, scroll);
  // Filter and order stay when the rows change.
  return (rows) => {
    all = rows.map((cells) => {
      const row = element('tr');
      row.append(...cells.map(drawn));
      return { cells, row, text: cells.map(said).join(' ').toLowerCase() };
    });
    fill();
    if (all.length === 0) place.replaceChildren(element('p', {}, 'None.'));
  };
};

// --- Every single failure, every zone, and the worst pairs.

const badness = (scenario) => {
  const [loads, shares] = [loadsOf(elect(scenario)), sharesOf(scenario)];
  const over = Math.max(0, ...loads.map((load, at) => load - (shares[at] === null ? load : shares[at])));
  return [over, Math.max(0, ...loads)];
};

const heatMap = () => {
  const nodes = nodesByName.filter((at) => data.nodes[at].entrypoints.length > 0);
  const columns = [['all well', none()], ...nodes.map((at) => [data.nodes[at].name, failing([at])])];
  for (const zone of zonesByName) {
    columns.push(['zone ' + zone, failing(nodes.filter((at) => data.nodes[at].zone === zone))]);
  }
  const pairs = [];
  nodes.forEach((one, at) => nodes.slice(at + 1).forEach((other) => pairs.push([one, other])));
  const ranked = pairs.map((pair) => [pair, badness(failing(pair))]);
  ranked.sort(([, a], [, b]) => b[0] - a[0] || b[1] - a[1]);
  for (const [[one, other]] of ranked.slice(0, 5)) columns.push([data.nodes[one].name + ' + ' + data.nodes[other].name, failing([one, other])]);
  const table = byId('heat-map');
  const head = element('tr');
  head.append(element('th', { scope: 'col' }, 'Node'), ...columns.map(([title]) => element('th', { scope: 'col' }, title)));
  const cells = columns.map(([, scenario]) => {
    const holders = elect(scenario);
    return [scenario, holders, loadsOf(holders), sharesOf(scenario)];
  });
  const most = Math.max(1, ...cells.flatMap(([, , loads]) => loads));
  const body = element('tbody');
  for (const at of nodes) {
    const row = element('tr');
    row.append(element('th', { scope: 'row' }, data.nodes[at].name));
    for (const [scenario, holders, loads, shares] of cells) {
      const cell = element('td', { class: shares[at] !== null && loads[at] > shares[at] ? 'number over' : 'number' }, isOut(scenario, at) ? '-' : loads[at]);
      const held = data.vips.filter((_, vip) => holders[vip] === at).map((vip) => vip.address);
      if (held.length > 0) cell.title = held.join(', ');
      cell.style.background = `rgba(var(--heat), ${(0.45 * loads[at]) / most})`;
      row.append(cell);
    }
    body.append(row);
  }
  const header = element('thead');
  header.append(head);
  table.replaceChildren(element('caption', {}, 'VIPs held, by failure'), header, body);
};
