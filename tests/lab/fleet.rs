//! The inventory that most cases run.

/// Three nodes in two zones, two public networks, two kinds of traffic, both families; adverts that a test can wait for.
pub fn fleet(mode: &str, kube_proxy: &str) -> String {
    format!(
        r#"
datacenter: lab
kubernetes: {{ kube_proxy: {kube_proxy}, pod_networks: [100.64.0.0/20, "fd64::/28"] }}
keepalived: {{ vrrp_version: 3, advert_interval: 200ms }}
policy_routing: {{ mode: {mode} }}
gateways:
  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}
  public6: {{ address: "2001:db8:8::1", network: "2001:db8:8::/64", interface: eth1 }}
  partners: {{ address: 198.51.100.1, network: 198.51.100.0/24, interface: eth2 }}
nodes:
  lb-1: {{ address: 10.0.0.11, address6: "fd00::11", interface: eth0, zone: a }}
  lb-2: {{ address: 10.0.0.12, address6: "fd00::12", interface: eth0, zone: b }}
  lb-3: {{ address: 10.0.0.13, address6: "fd00::13", interface: eth0, zone: b }}
entrypoints:
  web:
    edge: {{ class: web-edge, health_check_node_port: 32100 }}
    routing: {{ class: web-routing }}
  api:
    edge: {{ class: api-edge, health_check_node_port: 32101, ports: {{ http: 8080 }} }}
    routing: {{ class: api-routing }}
vips:
  - {{ address: 192.0.2.10, entrypoint: web, extra_addresses: ["2001:db8:8::10"] }}
  - {{ address: 192.0.2.11, entrypoint: web }}
  - {{ address: 192.0.2.12, entrypoint: web }}
  - {{ address: 192.0.2.20, entrypoint: api }}
  - {{ address: "2001:db8:8::21", entrypoint: api }}
  - {{ address: 198.51.100.10, entrypoint: web }}
  - {{ address: 198.51.100.20, entrypoint: api }}
domains:
  www.example.com: {{ entrypoint: web }}
  api.example.com: {{ entrypoint: api }}
components:
  shop: {{ entrypoint: web, backend: {{ port: http }}, paths: [/] }}
"#
    )
}
