"""What people use for it today: PyYAML and Jinja2, templates of the same shape, the same number of files, nothing checked.

python3 -m venv target/jinja && target/jinja/bin/pip install jinja2 pyyaml
"""

import pathlib
import sys

import yaml
from jinja2 import Environment

CONF = """\
{% for vip in vips %}
vrrp_instance load-balancer-{{ vip.address }} {
    state BACKUP
    interface {{ node.interface }}
    virtual_router_id {{ loop.index % 255 + 1 }}
    priority 100
    advert_int 1
    unicast_src_ip {{ node.address }}
    unicast_peer {
{% for name, peer in nodes.items() if name != me %}
        {{ peer.address }}
{% endfor %}
    }
    virtual_ipaddress {
        {{ vip.address }}/21 dev eth1
    }
}
{% endfor %}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ name }}
  namespace: ingress
  labels:
    app.kubernetes.io/managed-by: jinja
spec:
  ingressClassName: {{ class }}
  rules:
  - host: {{ name }}
    http:
      paths:
      - path: {{ path }}
        pathType: Prefix
        backend: { service: { name: {{ service }}, port: { number: 80 } } }
"""

environment = Environment(trim_blocks=True, lstrip_blocks=True)
conf, ingress = environment.from_string(CONF), environment.from_string(INGRESS)
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
out = pathlib.Path(sys.argv[2])
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.yaml")):
    inventory = yaml.load(file.read_text(), Loader=loader)
    root = out / inventory["datacenter"]
    for name, node in inventory["nodes"].items():
        folder = root / "nodes" / name
        folder.mkdir(parents=True)
        text = conf.render(me=name, node=node, nodes=inventory["nodes"], vips=inventory["vips"])
        (folder / "keepalived.conf").write_text(text)
    for kind in ["domains", "components"]:
        folder = root / kind
        folder.mkdir(parents=True)
        for name, entry in inventory[kind].items():
            path = entry.get("paths", ["/"])[0]
            text = ingress.render(name=name, path=path, service=name.split(".")[0], **{"class": "a"})
            (folder / f"{name}.yaml").write_text(text)
