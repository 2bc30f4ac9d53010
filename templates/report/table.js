// --- The table of nodes.

const nodeTable = (loads, shares) => {
  const table = byId('nodes');
  const head = element('tr');
  for (const title of ['Node', 'Zone', 'State', 'VIPs', 'Bound', ...data.entrypoints.map((one) => one.name + ' unhealthy')]) {
    head.append(element('th', { scope: 'col' }, title));
  }
  const body = element('tbody');
  data.nodes.forEach((node, at) => {
    const row = element('tr');
    row.append(element('th', { scope: 'row' }, node.name), element('td', {}, node.zone === null ? '' : node.zone));
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
      if (node.entrypoints.some(([own, tracked]) => own === number && tracked)) {
        const check = element('input', { type: 'checkbox', 'aria-label': `${entrypoint.name} unhealthy on ${node.name}` });
        check.checked = isUnhealthy(now, number, at);
        check.addEventListener('change', () => {
          if (check.checked) now.unhealthy.add(number + '@' + at); else now.unhealthy.delete(number + '@' + at);
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
  table.replaceChildren(element('caption', {}, 'Nodes'), header, body);
};

// --- Tables that sort and filter.

const listing = (place, caption, columns, rows) => {
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
  const all = rows.map((cells) => {
    const row = element('tr');
    cells.forEach((cell, at) => row.append(element(at === 0 ? 'th' : 'td', at === 0 ? { scope: 'row' } : typeof cell === 'number' ? { class: 'number' } : columns[at] === 'Written' ? { class: 'place' } : {}, cell)));
    return { cells, row, text: cells.join(' ').toLowerCase() };
  });
  const order = new Intl.Collator('en', { numeric: true });
  const fill = () => {
    let list = all.filter((entry) => entry.text.includes(shown.text));
    if (shown.column !== null) {
      list = [...list].sort((a, b) => order.compare(a.cells[shown.column], b.cells[shown.column]) * (shown.down ? -1 : 1));
    }
    body.replaceChildren(...list.map((entry) => entry.row));
    count.textContent = ` ${list.length} of ${all.length}`;
  };
  filter.addEventListener('input', () => { shown.text = filter.value.trim().toLowerCase(); fill(); });
  const header = element('thead');
  header.append(head);
  table.append(element('caption', {}, caption), header, body);
  const scroll = element('div', { class: 'scroll' });
  scroll.append(table);
  fill();
  place.replaceChildren(filter, count, scroll);
};

// --- Every single failure, every zone, and the worst pairs.

const badness = (scenario) => {
  const [loads, shares] = [loadsOf(elect(scenario)), sharesOf(scenario)];
  const over = Math.max(0, ...loads.map((load, at) => load - (shares[at] === null ? load : shares[at])));
  return [over, Math.max(0, ...loads)];
};

const heatMap = () => {
  const nodes = data.nodes.map((_, at) => at).filter((at) => data.nodes[at].entrypoints.length > 0);
  const columns = [['all well', none()], ...nodes.map((at) => [data.nodes[at].name, failing([at])])];
  for (const zone of [...new Set(data.nodes.map((node) => node.zone))].filter((zone) => zone !== null)) {
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
