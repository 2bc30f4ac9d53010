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
    const named = (own) => tier.rules.some((rule) => rule.host === own) || (tier.bareHosts || []).includes(own);
    const near = wildcard(host);
    const server = named(host) ? host : near !== null && named(near) ? near : null;
    const rules = tier.rules.filter((rule) => rule.host === server);
    if (tier.regexHosts.includes(server)) {
      const matches = (rule) => {
        try { return new RegExp('^' + rule.path, 'i').test(path); } catch { return false; }
      };
      // Of equal lengths the last in the alphabet.
      const order = (a, b) => length(b.path) - length(a.path) || Number(a.path < b.path) - Number(a.path > b.path);
      return { rule: rules.slice().sort(order).find(matches) || null };
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
  // Each rule comes with what Traefik makes of it: [how it compares, with which text, its priority].
  traefik: (tier, host, path) => {
    const matches = ({ traefik: [how, text] }) => {
      if (how === 'path') return path === text;
      if (how === 'letters') return path.startsWith(text);
      if (how === 'elements') return isBelow(path, text);
      try { return new RegExp(text.replace(/^\(\?i\)/, ''), 'i').test(path); } catch { return false; }
    };
    const found = tier.rules.filter((rule) => isFor(rule, host) && matches(rule));
    const first = best(found, (rule) => [-rule.traefik[2]]);
    const equal = found.filter((rule) => rule.traefik[2] === first.traefik[2]);
    return { rule: first, undecided: equal.some((rule) => rule.component !== first.component) };
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
  const matches = ([type, value]) => {
    if (type === 'Exact') return value === path;
    if (type === 'PathPrefix') return isBelow(path, value);
    try { return new RegExp(value.replace(/^\(\?i\)/, ''), 'i').test(path); } catch { return false; }
  };
  // What a GET without headers meets is a method, if anything.
  const rank = ({ match, when }) => {
    const [type, value] = match;
    if (!matches(match)) return null;
    const conditions = when ? 1 : 0;
    if (isPathFirst) {
      const ofPath = value === '/' ? 1 : 10000 + 100 * length(value);
      return [0, (type === 'Exact' ? 100000 : ofPath) + 1000 * conditions, 0];
    }
    const regex = { 'before-prefixes': 2, 'after-prefixes': 0 }[tier.regexOrder] ?? 1;
    return [{ Exact: 3, PathPrefix: 1 }[type] ?? regex, length(value), conditions];
  };
  const keyed = (parts) => parts.map((part) => -Number(part));
  const isPathFirst = tier.hostOrder === 'path-first';
  let rules = [];
  for (const rule of tier.rules) {
    const own = common(rule.host);
    const at = own === undefined ? null : place(own);
    if (at) rules.push({ rule, at: isPathFirst ? [false, 0] : at });
  }
  if (tier.hostOrder === 'virtual-hosts' && rules.length > 0) {
    const nearest = best(rules, (entry) => keyed(entry.at)).at.join();
    rules = rules.filter((entry) => entry.at.join() === nearest);
  }
  const found = [];
  for (const { rule, at } of rules) {
    // A request typed here is a GET without headers.
    if (rule.when && !rule.when[1]) continue;
    const [ranked, written] = [rank(rule), place(rule.host)];
    if (isPathFirst && written) {
      written[0] = false;
      for (const own of rule.listeners || []) if (covers(own, host)) written[1] = Math.max(written[1], own.length);
    }
    if (ranked && written) found.push({ rule, at, key: keyed([...at, ...ranked, ...written]) });
  }
  const first = best(found, (entry) => entry.key);
  if (first === null) return { rule: null };
  const other = (entry) => entry.rule.component !== first.rule.component;
  if (found.some((entry) => entry.key.join() === first.key.join() && other(entry))) return { rule: first.rule, undecided: true };
  if (tier.regexOrder !== 'unknown' || first.rule.match[0] === 'Exact') return { rule: first.rule };
  const near = found.filter((entry) => entry.at.join() === first.at.join());
  const [regex, prefix] = [(entry) => entry.rule.match[0] === 'RegularExpression',
    (entry) => entry.rule.match[0] === 'PathPrefix']
    .map((is) => best(near.filter(is), (entry) => entry.key));
  const rivals = regex !== null && prefix !== null && regex.rule.component !== prefix.rule.component;
  return { rule: first.rule, undecided: rivals };
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
  const isOnly = (one) => one.oneTier && one.side === 'ingress';
  const names = (one) => one.tier.rules.some((rule) => rule.host !== null && isFor(rule, host));
  const entrypoint = domain ? data.entrypoints[domain.entrypoint]
    : data.entrypoints.find((one) => isOnly(one) && names(one))
      || (open.length === 1 && (open[0].side === 'gateway' || isOnly(open[0])) ? open[0] : null);
  if (entrypoint === null) return { kind: 'none', why: 'no domain has the host ' + host };
  const index = data.entrypoints.indexOf(entrypoint);
  const vips = data.vips.map((vip, at) => [vip, at]).filter(([vip]) => vip.entrypoint === index);
  const holders = elect(now);
  const through = vips.flatMap(([vip, at]) => [vip.address, ...vip.extra]
    .map((address) => address + (holders[at] === null ? ' on no node' : ' on ' + data.nodes[holders[at]].name)));
  const nothing = (why) => ({ kind: 'none', why, through });
  if (vips.length === 0) return nothing('the entrypoint has no VIP');
  if (vips.every(([, at]) => holders[at] === null)) return nothing('no node holds a VIP of the entrypoint');
  if (!entrypoint.ports.includes(port)) return nothing('nothing listens on port ' + port);
  const toHttps = (keepsSlash) => {
    const to = keepsSlash ? path : path.replace(/\/$/, '');
    return { kind: 'redirect', location: 'https://' + host + to, why: 'plain http goes to https', through };
  };
  const answered = (rule) => {
    if (rule === null) return nothing('no rule matches');
    if (rule.redirect !== null) {
      const { redirect } = rule;
      const location = (redirect.scheme || scheme) + '://' + (redirect.host || host)
        + (redirect.port === null ? '' : ':' + redirect.port) + (redirect.path === null ? path : redirect.path);
      return { kind: 'redirect', location, why: 'component ' + rule.component + ' redirects', through };
    }
    const why = rule.path + ' (' + rule.type + ') on ' + (rule.host === null ? 'any host' : rule.host) + ', ' + rule.at;
    if (rule.component !== null) return { kind: 'component', name: rule.component, why, through };
    return { kind: 'fallback', name: entrypoint.fallback, why, through };
  };
  const hasTls = domain !== null && domain.secret !== null;
  const undecided = () => ({ kind: 'undecided', why: 'several rules have the same rank', through });
  if (entrypoint.side === 'gateway') {
    if (scheme === 'https' && !hasTls) return nothing('no listener has a certificate for ' + host);
    if (scheme === 'http' && entrypoint.redirects && (domain === null || hasTls)) return toHttps(true);
    const listener = scheme === 'https' || entrypoint.redirects ? domain.host : null;
    const found = byGateway(entrypoint.tier, listener, host, normal(path));
    return found.undecided ? undecided() : answered(found.rule);
  }
  const above = data.domains.get(wildcard(host));
  const isCovered = entrypoint.sharesWildcards && domain !== null && above !== undefined
    && above.entrypoint === domain.entrypoint && above.secret !== null;
  const isSecure = hasTls || isCovered;
  const isRedirected = scheme === 'http' && entrypoint.edgeRedirects[isSecure ? 1 : 0];
  if (isRedirected && !entrypoint.oneTier) return toHttps(entrypoint.keepsSlash);
  if (!entrypoint.defaultCertificate && scheme === 'https' && !isSecure) return nothing('the edge has no https for this host');
  const found = MATCHERS[entrypoint.tier.controller](entrypoint.tier, host, normal(path));
  if (found.rule && found.rule.forced[isSecure ? 1 : 0] && scheme === 'http') return toHttps(found.rule.keepsSlash);
  if (!found.rule && isRedirected) return toHttps(entrypoint.keepsSlash);
  if (found.undecided) return undecided();
  if (found.slash) {
    return { kind: 'redirect', location: 'http://' + host + found.slash, why: 'the path ends in a slash', through };
  }
  return answered(found.rule);
};
