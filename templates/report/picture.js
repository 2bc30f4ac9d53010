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
  const zones = data.nodes.some((node) => node.zone === null) ? [...zonesByName, null] : zonesByName;
  const most = Math.max(...zones.map((zone) => data.nodes.filter((node) => node.zone === zone).length));
  const across = Math.max(1, Math.ceil(most / 8));
  const zoneWidth = across * (WIDTH + 10) + 14;
  const down = Math.ceil(most / across);
  const top = 54;
  const total = { width: Math.max(zones.length * (zoneWidth + 12) + 4, data.gateways.length * 250 + 4), height: top + 30 + down * (height + 10) + 8 };
  const svg = drawing('svg', { width: total.width, height: total.height, viewBox: `0 0 ${total.width} ${total.height}`, role: 'group', 'aria-label': 'Zones, nodes and the VIPs that they hold' });
  data.gateways.forEach((gateway, at) => {
    const x = 4 + at * 250;
    svg.append(drawing('rect', { x, y: 4, width: 238, height: 36, rx: 4, class: 'box' }));
    svg.append(drawing('text', { x: x + 8, y: 19 }, 'gateway ' + gateway.name));
    svg.append(drawing('text', { x: x + 8, y: 34, class: 'small' }, gateway.address + ', ' + gateway.network));
  });
  zones.forEach((zone, column) => {
    const x = 4 + column * (zoneWidth + 12);
    const members = nodesByName.map((at) => [data.nodes[at], at]).filter(([node]) => node.zone === zone);
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
      const next = { up: 'failed', failed: 'drained', drained: 'up' }[state];
      const names = held[at].map((vip) => data.vips[vip].address + ' of ' + data.entrypoints[data.vips[vip].entrypoint].name);
      const box = button(`${node.name}, ${state}, holds ${names.length === 0 ? 'no VIP' : names.join('; ')}; press for ${next}`, () => {
        setState(at, next);
      });
      box.setAttribute('class', state);
      box.append(drawing('rect', { x: left, y, width: WIDTH, height, rx: 4, class: 'box' }));
      box.append(drawing('text', { x: left + 8, y: y + 17 }, shortened(node.name, 14) + (state === 'up' ? (node.written === 'active' ? '' : ' (' + node.written + ')') : ' ' + state)));
      held[at].forEach((vip, number) => {
        const chip = { x: left + 8 + (number % columns) * CHIP, y: y + 26 + Math.floor(number / columns) * (isWide ? 18 : CHIP) };
        const shape = drawing('rect', { ...chip, width: isWide ? WIDTH - 16 : CHIP - 3, height: isWide ? 15 : CHIP - 3, rx: 2, fill: colour(data.vips[vip].entrypoint), class: 'chip' });
        shape.append(drawing('title', {}, [data.vips[vip].address, ...data.vips[vip].extra].join(' with ') + ', ' + data.entrypoints[data.vips[vip].entrypoint].name));
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
