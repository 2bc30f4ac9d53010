// --- All of it.

const show = (focus = null) => {
  const holders = elect(now);
  const [loads, shares] = [loadsOf(holders), sharesOf(now)];
  byId('topology').replaceChildren(topology(holders));
  nodeTable(loads, shares);
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
  listing(document.querySelector('#vips .table'), 'VIPs', ['VIP', 'Entrypoint', 'Holder', 'Order', 'VRID', 'Table', 'Mark', 'Files', 'Written'],
    data.vips.map((vip, at) => [vip.address, data.entrypoints[vip.entrypoint].name, holders[at] === null ? 'nobody' : data.nodes[holders[at]].name,
      vip.order.map(([node, own]) => data.nodes[node].name + ' ' + own).join(', '), vip.vrid, vip.table, vip.mark, vip.files.join(', '), vip.at]));
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
listing(document.querySelector('#domains .table'), 'Domains', ['Domain', 'Entrypoint', 'Secret', 'File', 'Written'],
  domains.map((domain) => [domain.host, data.entrypoints[domain.entrypoint].name, domain.secret === null ? 'plain http' : domain.secret, domain.file, domain.at]));
listing(document.querySelector('#components .table'), 'Components', ['Component', 'Entrypoint', 'Backend', 'Paths', 'Hosts', 'File', 'Written'],
  data.components.map((one) => [one.name, data.entrypoints[one.entrypoint].name, one.backend, one.paths.join(' '), one.hosts.join(' '), one.file, one.at]));
listing(document.querySelector('#findings .table'), 'Findings', ['Code', 'Severity', 'What', 'Where'],
  data.findings.map((finding) => [finding.code, finding.severity, finding.title, finding.at]));
if (data.change !== null) {
  byId('change-verdict').textContent = data.change.verdict;
  listing(document.querySelector('#change .table'), 'Impact', ['Impact', 'On', 'From', 'To', 'Silent', 'Why'],
    data.change.findings.map((one) => [one.class, one.on, one.from, one.to, one.silent, one.why]));
  for (const step of data.change.steps) byId('steps').append(element('li', {}, step));
}
byId('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  const found = trace(byId('asked').value);
  const words = { component: `component ${found.name}`, fallback: `the fallback ${found.name}`, redirect: `a redirect to ${found.location}`, none: 'nobody', error: 'no answer' };
  byId('answer').textContent = `${words[found.kind]}: ${found.why}${found.through ? ' (' + found.through.join(', ') + ')' : ''}`;
});

// For those who test the page: the election and the answers that it shows.
window.lbgen = { elect: (failed) => elect(failing(failed)), trace };
