'use strict';
(() => {
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

  // --- Who answers a URL.

  const decoded = (path) => {
    const bytes = [];
    const raw = new TextEncoder().encode(path);
    for (let at = 0; at < raw.length; at += 1) {
      const digits = String.fromCharCode(...raw.slice(at + 1, at + 3));
      if (raw[at] === 0x25 && /^[0-9a-fA-F]{2}$/.test(digits)) {
        bytes.push(parseInt(digits, 16));
        at += 2;
      } else bytes.push(raw[at]);
    }
    return new TextDecoder().decode(new Uint8Array(bytes));
  };

  // As controllers compare it: escapes decoded, `//` merged, `.` and `..` resolved, without the query.
  const normal = (written) => {
    const text = decoded(written.split(/[?#]/)[0]);
    const parts = [];
    for (const part of text.split('/')) {
      if (part === '' || part === '.') continue;
      if (part === '..') parts.pop(); else parts.push(part);
    }
    const folder = /(\/|\/\.|\/\.\.)$/.test(text);
    return '/' + parts.join('/') + (folder && parts.length > 0 ? '/' : '');
  };

  const wildcard = (host) => (host.includes('.') ? '*' + host.slice(host.indexOf('.')) : null);
  const covers = (own, host) => own === host || (own.startsWith('*') && host.length > own.length - 1 && host.endsWith(own.slice(1)));
  const isBelow = (path, prefix) => {
    const bare = prefix.replace(/\/+$/, '');
    return path.startsWith(bare) && (path.length === bare.length || path[bare.length] === '/');
  };
  const isFor = (rule, host) => rule.host === null || rule.host === host || rule.host === wildcard(host);
  // The first of the best, as a stable sort gives it.
  const best = (rules, key) => {
    const less = (a, b) => {
      for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return a[at] < b[at];
      return false;
    };
    let found = null;
    for (const rule of rules) {
      const own = key(rule);
      if (found === null || less(own, found.own)) found = { own, rule };
    }
    return found === null ? null : found.rule;
  };
  const length = (text) => new TextEncoder().encode(text).length;

  const MATCHERS = {
    'ingress-nginx': (tier, host, path) => {
      const named = (own) => tier.rules.some((rule) => rule.host === own);
      const near = wildcard(host);
      const server = named(host) ? host : near !== null && named(near) ? near : null;
      const rules = tier.rules.filter((rule) => rule.host === server);
      if (tier.allRegex || tier.regexHosts.includes(server)) {
        const matches = (rule) => {
          try { return new RegExp('^' + rule.path, 'i').test(path); } catch { return false; }
        };
        return { rule: rules.find(matches) || null };
      }
      const isExact = (rule) => rule.path === path
        && (rule.type === 'Exact' || (rule.type === 'Prefix' && !rule.path.endsWith('/')));
      const matches = (rule) => {
        if (rule.type === 'Exact') return rule.path === path;
        if (rule.type === 'Prefix' && !rule.path.endsWith('/')) return isBelow(path, rule.path);
        return path.startsWith(rule.path);
      };
      const found = best(rules.filter((rule) => isExact(rule) || matches(rule)),
        (rule) => [!isExact(rule), rule.type !== 'Exact', -length(rule.path)]);
      if ((found === null || !isExact(found)) && rules.some((rule) => rule.path === path + '/')) {
        return { rule: null, slash: path + '/' };
      }
      return { rule: found };
    },
    traefik: (tier, host, path) => {
      const strict = tier.strict;
      const matches = (rule) => {
        if (rule.type === 'Exact') return path === rule.path;
        return strict ? isBelow(path, rule.path) : path.startsWith(rule.path);
      };
      const text = (rule) => {
        let own = '';
        if (rule.host !== null) {
          own = rule.host.startsWith('*.')
            ? 'HostRegexp(`^[a-zA-Z0-9-]+\\.' + rule.host.slice(2).replaceAll('.', '\\.') + '$`) && '
            : 'Host(`' + rule.host + '`) && ';
        }
        if (rule.type === 'Exact') return own + 'Path(`' + rule.path + '`)';
        if (strict && rule.path !== '/') {
          const bare = rule.path.replace(/\/+$/, '');
          return own + '(Path(`' + bare + '`) || PathPrefix(`' + bare + '/`))';
        }
        return own + 'PathPrefix(`' + rule.path + '`)';
      };
      return { rule: best(tier.rules.filter((rule) => isFor(rule, host) && matches(rule)), (rule) => [-length(text(rule))]) };
    },
    other: (tier, host, path) => {
      const matches = (rule) => (rule.type === 'Exact' ? path === rule.path : isBelow(path, rule.path));
      const precision = (rule) => (rule.host === null ? 2 : rule.host === host ? 0 : 1);
      return {
        rule: best(tier.rules.filter((rule) => isFor(rule, host) && matches(rule)),
          (rule) => [precision(rule), rule.type !== 'Exact', -length(rule.path.replace(/\/+$/, ''))]),
      };
    },
  };

  const byGateway = (tier, listener, host, path) => {
    const common = (own) => {
      if (own === null || listener === null) return own === null ? listener : own;
      if (covers(listener, own)) return own;
      return covers(own, listener) ? listener : undefined;
    };
    const place = (own) => {
      if (own === null) return [false, 0];
      return covers(own, host) ? [!own.startsWith('*'), own.length] : null;
    };
    const rank = ([type, value]) => {
      if (type === 'Exact') return value === path ? [2, length(value)] : null;
      if (type === 'PathPrefix') return isBelow(path, value) ? [1, length(value)] : null;
      try {
        return new RegExp(value.replace(/^\(\?i\)/, ''), 'i').test(path) ? [1, length(value)] : null;
      } catch { return null; }
    };
    const found = [];
    for (const rule of tier.rules) {
      if (rule.host !== null && rule.component === null) continue;
      const own = common(rule.host);
      if (own === undefined) continue;
      const [at, ranked, written] = [place(own), rank(rule.match), place(rule.host)];
      if (at && ranked && written) found.push({ rule, key: [...at, ...ranked, ...written].map((part) => -Number(part)) });
    }
    const first = best(found, (entry) => entry.key);
    return first === null ? null : first.rule;
  };

  const domainOf = (host) => {
    if (data.domains.has(host)) return data.domains.get(host);
    const near = wildcard(host);
    if (near !== null && data.domains.has(near)) return data.domains.get(near);
    for (let rest = host; rest.includes('.');) {
      rest = rest.slice(rest.indexOf('.') + 1);
      const domain = data.domains.get('*.' + rest);
      if (domain && data.entrypoints[domain.entrypoint].side === 'gateway') return domain;
    }
    return null;
  };

  const trace = (written) => {
    const parts = /^(?:([a-zA-Z]+):\/\/)?(?:[^/?#@]*@)?([^/?#:]+)(?::(\d+))?([/?#].*)?$/.exec(written.trim());
    const scheme = { http: 'http', ws: 'http', https: 'https', wss: 'https' }[(parts && parts[1] ? parts[1] : 'https').toLowerCase()];
    if (!parts || !scheme) return { kind: 'error', why: 'not a URL such as https://www.example.com/path' };
    const host = parts[2].toLowerCase().replace(/\.$/, '');
    const port = parts[3] ? Number(parts[3]) : scheme === 'http' ? 80 : 443;
    const rest = (parts[4] || '/').split('#')[0];
    const path = rest.startsWith('/') ? rest : '/' + rest;
    const domain = domainOf(host);
    const open = data.entrypoints.filter((one) => one.side !== null);
    const entrypoint = domain ? data.entrypoints[domain.entrypoint]
      : open.length === 1 && open[0].side === 'gateway' ? open[0] : null;
    if (entrypoint === null) return { kind: 'none', why: 'no domain has the host ' + host };
    const index = data.entrypoints.indexOf(entrypoint);
    const vips = data.vips.map((vip, at) => [vip, at]).filter(([vip]) => vip.entrypoint === index);
    const holders = elect(now);
    const through = vips.map(([vip, at]) => vip.address + (holders[at] === null ? ' on no node' : ' on ' + data.nodes[holders[at]].name));
    const nothing = (why) => ({ kind: 'none', why, through });
    if (vips.length === 0) return nothing('the entrypoint has no VIP');
    if (vips.every(([, at]) => holders[at] === null)) return nothing('no node holds a VIP of the entrypoint');
    if (!entrypoint.ports.includes(port)) return nothing('nothing listens on port ' + port);
    const toHttps = () => ({ kind: 'redirect', location: 'https://' + host + path, why: 'plain http goes to https', through });
    const answered = (rule) => {
      if (rule === null) return nothing('no rule matches');
      const why = rule.path + ' (' + rule.type + ') on ' + (rule.host === null ? 'any host' : rule.host) + ', ' + rule.at;
      if (rule.component !== null) return { kind: 'component', name: rule.component, why, through };
      return { kind: 'fallback', name: entrypoint.fallback, why, through };
    };
    const hasTls = domain !== null && domain.secret !== null;
    if (entrypoint.side === 'gateway') {
      if (scheme === 'https') {
        if (!hasTls) return nothing('no listener has a certificate for ' + host);
        return answered(byGateway(entrypoint.tier, domain.host, host, normal(path)));
      }
      if (entrypoint.redirects && (domain === null || hasTls)) return toHttps();
      return answered(byGateway(entrypoint.tier, entrypoint.redirects ? domain.host : null, host, normal(path)));
    }
    const isNginx = entrypoint.edge === 'ingress-nginx';
    if (isNginx && scheme === 'http' && (entrypoint.forcesTls || (hasTls && !entrypoint.keepsHttp))) return toHttps();
    if (!isNginx && scheme === 'https' && !hasTls) return nothing('the edge has no https for this host');
    const found = MATCHERS[entrypoint.tier.controller](entrypoint.tier, host, normal(path));
    if (found.slash) {
      return { kind: 'redirect', location: 'http://' + host + found.slash, why: 'the path ends in a slash', through };
    }
    return answered(found.rule);
  };

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

  // --- The picture.

  const CHIP = 14;
  const WIDTH = 168;

  const topology = (holders) => {
    const held = data.nodes.map(() => []);
    holders.forEach((node, vip) => { if (node !== null) held[node].push(vip); });
    const isWide = Math.max(0, ...held.map((list) => list.length)) <= 8;
    const columns = isWide ? 1 : Math.floor((WIDTH - 16) / CHIP);
    const rows = Math.max(1, ...held.map((list) => Math.ceil(list.length / columns)));
    const height = 26 + rows * (isWide ? 18 : CHIP) + 6;
    const zones = [...new Set(data.nodes.map((node) => node.zone))];
    const most = Math.max(...zones.map((zone) => data.nodes.filter((node) => node.zone === zone).length));
    const across = Math.max(1, Math.ceil(most / 8));
    const zoneWidth = across * (WIDTH + 10) + 14;
    const down = Math.ceil(most / across);
    const top = 54;
    const total = { width: zones.length * (zoneWidth + 12) + 4, height: top + 30 + down * (height + 10) + 8 };
    const svg = drawing('svg', { width: total.width, height: total.height, viewBox: `0 0 ${total.width} ${total.height}`, role: 'group', 'aria-label': 'Zones, nodes and the VIPs that they hold' });
    data.gateways.forEach((gateway, at) => {
      const x = 4 + at * 250;
      svg.append(drawing('rect', { x, y: 4, width: 238, height: 36, rx: 4, class: 'box' }));
      svg.append(drawing('text', { x: x + 8, y: 19 }, 'gateway ' + gateway.name));
      svg.append(drawing('text', { x: x + 8, y: 34, class: 'small' }, gateway.address + ', ' + gateway.network));
    });
    zones.forEach((zone, column) => {
      const x = 4 + column * (zoneWidth + 12);
      const members = data.nodes.map((node, at) => [node, at]).filter(([node]) => node.zone === zone);
      svg.append(drawing('rect', { x, y: top, width: zoneWidth, height: total.height - top - 4, rx: 6, class: 'zone' }));
      const label = zone === null ? 'no zone' : 'zone ' + zone;
      const head = button(label + ': fail or restore all of its nodes', () => {
        const isDown = members.every(([, at]) => now.failed.has(at));
        members.forEach(([, at]) => setState(at, isDown ? 'up' : 'failed'));
      });
      head.append(drawing('rect', { x: x + 2, y: top + 4, width: zoneWidth - 4, height: 20, fill: 'transparent' }));
      head.append(drawing('text', { x: x + 10, y: top + 18 }, label));
      svg.append(head);
      members.forEach(([node, at], place) => {
        const left = x + 10 + (place % across) * (WIDTH + 10);
        const y = top + 30 + Math.floor(place / across) * (height + 10);
        const state = stateOf(at);
        const box = button(`${node.name}, ${state}, ${held[at].length} VIPs`, () => {
          setState(at, { up: 'failed', failed: 'drained', drained: 'up' }[state]);
        });
        box.setAttribute('class', state);
        box.append(drawing('rect', { x: left, y, width: WIDTH, height, rx: 4, class: 'box' }));
        box.append(drawing('text', { x: left + 8, y: y + 17 }, shortened(node.name, 18) + (state === 'up' ? '' : ' ' + state)));
        held[at].forEach((vip, number) => {
          const chip = { x: left + 8 + (number % columns) * CHIP, y: y + 26 + Math.floor(number / columns) * (isWide ? 18 : CHIP) };
          const shape = drawing('rect', { ...chip, width: isWide ? WIDTH - 16 : CHIP - 3, height: isWide ? 15 : CHIP - 3, rx: 2, fill: colour(data.vips[vip].entrypoint), class: 'chip' });
          shape.append(drawing('title', {}, data.vips[vip].address + ', ' + data.entrypoints[data.vips[vip].entrypoint].name));
          box.append(shape);
          if (isWide) box.append(drawing('text', { x: chip.x + 4, y: chip.y + 11.5, class: 'chip-text' }, shortened(data.vips[vip].address, 24)));
        });
        svg.append(box);
      });
    });
    return svg;
  };

  const shortened = (text, most) => (text.length > most ? text.slice(0, most - 1) + '…' : text);

  const button = (label, act) => {
    const group = drawing('g', { role: 'button', tabindex: '0', 'aria-label': label });
    const press = () => { act(); show(label); };
    group.addEventListener('click', press);
    group.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); press(); }
    });
    return group;
  };

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
})();
