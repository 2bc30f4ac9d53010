// --- All of it.

const vipRows = listing(document.querySelector('#vips .table'), 'VIPs',
  ['VIP', 'Entrypoint', 'Gateway', 'Holder', 'Order', 'VRID', 'Table', 'Mark', 'Written']);
const named = (order) => order.map(([node, own]) => data.nodes[node].name + ' ' + own).join(', ');

// As `simulate` says it: `b-2 (moves from c-2 after 30 s)`.
const holder = (vip, node, old) => {
  const name = (at) => (at === null ? 'nobody' : data.nodes[at].name);
  if (node === old) return name(node);
  const candidate = (at) => vip.candidates.find((one) => one.node === at);
  const holdsOn = node !== null && old !== null && !isOut(now, old) && candidate(old).lost > 0 && isUnhealthy(now, vip.entrypoint, old);
  const delay = holdsOn && candidate(node).delay > 0 ? ` after ${candidate(node).delay} s` : '';
  return `${name(node)} (moves from ${name(old)}${delay})`;
};

const answer = () => {
  const found = trace(byId('asked').value);
  const words = { component: `component ${found.name}`, fallback: `the fallback ${found.name}`, redirect: `a redirect to ${found.location}`, undecided: 'undecided', none: 'nobody', error: 'no answer' };
  const backend = found.kind === 'component' ? data.components.find((one) => one.name === found.name).backend + ', ' : '';
  byId('answer').textContent = `${words[found.kind]}: ${backend}${found.why}${found.through ? ' (' + found.through.join(', ') + ')' : ''}`;
};

const show = (focus = null) => {
  const holders = elect(now);
  const [loads, shares] = [loadsOf(holders), sharesOf(now)];
  byId('topology').replaceChildren(topology(holders));
  nodeTable(loads, shares);
  zoneTable(loads, now);
  const moved = holders.filter((node, vip) => node !== before[vip]).length;
  const unheld = holders.filter((node) => node === null).length;
  const over = loads.filter((load, at) => shares[at] !== null && load > shares[at]).length;
  byId('verdict').textContent = `${moved} ${moved === 1 ? 'VIP moves' : 'VIPs move'}, `
    + `${unheld} ${unheld === 1 ? 'is' : 'are'} held by nobody, ${over} ${over === 1 ? 'node is' : 'nodes are'} over the bound`;
  if (focus !== null) {
    const name = focus.split(/[,:]/)[0];
    const again = [...document.querySelectorAll('#topology [role="button"]')];
    const same = again.find((group) => group.getAttribute('aria-label').split(/[,:]/)[0] === name);
    if (same) same.focus();
  }
  vipRows(data.vips.map((vip, at) => [[vip.address, ...vip.extra].join(', '), data.entrypoints[vip.entrypoint].name, vip.gateway, holder(vip, holders[at], before[at]),
    vip.order.length > 3 ? { short: named(vip.order.slice(0, 3)) + ', …', text: named(vip.order) } : named(vip.order), vip.vrid, vip.table, vip.mark, vip.at]));
  if (byId('answer').textContent !== '') answer();
};

const legend = byId('legend');
data.entrypoints.forEach((entrypoint, at) => {
  const item = element('span');
  const patch = drawing('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' });
  patch.append(drawing('rect', { x: 1, y: 1, width: 14, height: 14, rx: 2, fill: colour(at), class: 'chip' }));
  item.append(patch, entrypoint.name);
  legend.append(item);
});
const domains = data.domains;
data.domains = new Map(domains.map((domain) => [domain.host, domain]));
byId('reset').addEventListener('click', () => {
  now.failed.clear(); now.drained.clear(); now.unhealthy.clear();
  show();
});
show();
heatMap();
listing(document.querySelector('#domains .table'), 'Domains', ['Domain', 'Entrypoint', 'Secret', 'File', 'Written'])(
  domains.map((domain) => [domain.host, data.entrypoints[domain.entrypoint].name, domain.secret === null ? 'plain http' : domain.secret, new File(domain.file), domain.at]));
listing(document.querySelector('#components .table'), 'Components', ['Component', 'Entrypoint', 'Backend', 'Paths', 'Hosts', 'File', 'Written'])(
  data.components.map((one) => [one.name, data.entrypoints[one.entrypoint].name, one.backend, one.paths.join(' '), one.hosts.join(' '), new File(one.file), one.at]));
listing(document.querySelector('#findings .table'), 'Findings', ['Code', 'Severity', 'What', 'Where'])(
  data.findings.map((finding) => [finding.code, finding.severity, finding.title, finding.at]));
if (data.alerts.length > 0) {
  listing(document.querySelector('#alerts .table'), 'Alerts', ['Alert', 'Severity', 'After', 'Meaning', 'Type'])(
    data.alerts.map((alert) => [alert.name, alert.severity, alert.after ?? 'at once', alert.description, alert.next]));
}
if (data.change !== null) {
  byId('change-verdict').textContent = data.change.verdict;
  listing(document.querySelector('#change .table'), 'Impact', ['Impact', 'On', 'From', 'To', 'Silent', 'Why'])(
    data.change.findings.map((one) => [one.class, one.on, one.from, one.to, one.silent, one.why]));
  for (const step of data.change.steps) byId('steps').append(element('li', {}, step));
}
byId('ask').addEventListener('submit', (event) => { event.preventDefault(); answer(); });

// For those who test the page: the election and the answers that it shows.
const zonesOf = (failed) => {
  const [held, shares] = [zoneLoads(loadsOf(elect(failing(failed)))), zoneShares(failing(failed))];
  return zonesByName.map((zone, at) => [zone, held[at], shares[at]]);
};
window.lbgen = { elect: (failed) => elect(failing(failed)), zones: zonesOf, trace };
