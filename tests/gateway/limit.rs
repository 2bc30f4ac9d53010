//! The limits of Gateway API, and what cannot be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::inventory::{ALONE, inventory, length, names, numbered, objects, of_kind};
use crate::support;
use crate::support::gateway_rules::broken;

#[test]
fn listeners_are_sixty_four_a_set_and_sets_thirty_one_a_route() {
    for (domains, sets, routes) in [
        (63, 1, 1),
        (64, 1, 1),
        (65, 2, 1),
        (1_983, 31, 1),
        (1_984, 31, 1),
        (1_985, 32, 2),
        (5_000, 79, 3),
    ] {
        let text = inventory(
            ALONE,
            &numbered(domains),
            "  shop: { namespace: shop, backend: { port: 80 }, paths: [/] }\n  cart: { namespace: shop, backend: { port: 80 }, paths: [/cart] }\n",
        );
        let text =
            text.replace("    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }\n", "");
        let all = objects(&text);
        let found = of_kind(&all, "ListenerSet");
        assert_eq!(found.len(), sets, "{domains} domains");
        let listeners: usize = found.iter().map(|set| length(&set["spec"]["listeners"])).sum();
        assert_eq!(listeners, domains);
        let of_cart: Vec<&Value> = of_kind(&all, "HTTPRoute")
            .into_iter()
            .filter(|route| route["metadata"]["name"].as_str().unwrap().starts_with("cart"))
            .collect();
        assert_eq!(of_cart.len(), routes, "{domains} domains");
        let parents: Vec<usize> =
            of_cart.iter().map(|route| length(&route["spec"]["parentRefs"])).collect();
        assert_eq!(parents.iter().sum::<usize>(), sets + 1, "{domains} domains: {parents:?}");
        if routes > 1 {
            let wanted: Vec<String> = (1..=routes).map(|index| format!("cart-{index}")).collect();
            assert_eq!(names(&of_cart), wanted);
            assert_eq!(parents[0], 32);
        }
        all.iter().for_each(|object| assert_eq!(broken(object), [""; 0]));
    }
}

#[test]
fn hosts_are_sixteen_a_route_and_matches_a_hundred_and_twenty_eight() {
    let hosts = |count: usize| {
        (0..count).map(|index| format!("d{index}.example.com")).collect::<Vec<_>>().join(", ")
    };
    let paths =
        |count: usize| (0..count).map(|index| format!("/p{index}")).collect::<Vec<_>>().join(", ");
    for (of_hosts, of_paths, wanted) in
        [(16, 1, 1), (17, 1, 2), (0, 64, 1), (0, 65, 1), (0, 128, 1), (0, 129, 2), (17, 129, 4)]
    {
        let text = inventory(
            ALONE,
            &numbered(20),
            &format!(
                "  shop: {{ backend: {{ port: 80 }}, hosts: [{}], paths: [{}] }}\n",
                hosts(of_hosts),
                paths(of_paths)
            ),
        );
        let all = objects(&text);
        let routes: Vec<&Value> = of_kind(&all, "HTTPRoute")
            .into_iter()
            .filter(|route| route["metadata"]["name"].as_str().unwrap().starts_with("shop"))
            .collect();
        assert_eq!(routes.len(), wanted, "{of_hosts} hosts, {of_paths} paths");
        let mut seen = BTreeSet::new();
        for route in routes {
            assert_eq!(broken(route), [""; 0]);
            let any = json!([null]);
            let hosts = route["spec"].get("hostnames").unwrap_or(&any).as_array().unwrap();
            for host in hosts {
                for rule in route["spec"]["rules"].as_array().unwrap() {
                    for one in rule["matches"].as_array().unwrap() {
                        assert!(seen.insert(format!("{host}{}", one["path"])), "twice: {one}");
                    }
                }
            }
        }
        assert_eq!(seen.len(), of_hosts.max(1) * of_paths);
    }
}

/// Rules that rewrite a prefix have one match each.
#[test]
fn rules_are_sixteen_a_route() {
    for (count, wanted) in [(16, 1), (17, 2)] {
        let paths: Vec<String> = (0..count)
            .map(|index| {
                format!("{{ path: \"/p{index}(/|$)(.*)\", type: ImplementationSpecific }}")
            })
            .collect();
        let text = inventory(
            ALONE,
            &numbered(1),
            &format!(
                "  shop: {{ backend: {{ port: 80 }}, paths: [{}], annotations: {{ nginx.ingress.kubernetes.io/rewrite-target: /new/$2 }} }}\n",
                paths.join(", ")
            ),
        );
        let all = objects(&text);
        let routes: Vec<&Value> = of_kind(&all, "HTTPRoute")
            .into_iter()
            .filter(|route| route["metadata"]["name"].as_str().unwrap().starts_with("shop"))
            .collect();
        assert_eq!(routes.len(), wanted);
        let rules: Vec<&Value> =
            routes.iter().flat_map(|route| route["spec"]["rules"].as_array().unwrap()).collect();
        assert_eq!(rules.len(), count);
        for rule in rules {
            assert_eq!(rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"], "/new");
            assert_eq!(rule["matches"][0]["path"]["type"], "PathPrefix");
        }
        routes.iter().for_each(|route| assert_eq!(broken(route), [""; 0]));
    }
}

#[test]
fn a_second_route_may_not_take_the_name_of_a_component() {
    let many = (0..129).map(|index| format!("/p{index}")).collect::<Vec<_>>().join(", ");
    let components = format!(
        "  shop: {{ backend: {{ port: 80 }}, paths: [{many}] }}\n  shop-2: {{ backend: {{ port: 80 }}, paths: [/other] }}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("i.yaml");
    std::fs::write(&file, inventory(ALONE, &numbered(1), &components)).unwrap();
    let done = support::lbgen(&["check", file.to_str().unwrap()]);
    assert_eq!(support::code(&done), 1);
    let said = support::stderr(&done);
    assert!(
        said.contains("two HTTPRoute objects would be called `shop-2` in namespace `ingress`"),
        "{said}"
    );
}

/// A list of namespaces in each of 64 listeners would be more than `kubectl apply` keeps of an object.
#[test]
fn a_listener_set_stays_small() {
    let components = |count: usize| -> String {
        (0..count).map(|index| format!("  c{index}: {{ namespace: a-namespace-with-quite-a-long-name-{index}, backend: {{ port: 80 }}, paths: [/c{index}] }}\n")).collect()
    };
    for (count, from) in [(31, "Selector"), (32, "All"), (220, "All")] {
        let all = objects(&inventory(ALONE, &numbered(64), &components(count)));
        let set = of_kind(&all, "ListenerSet")[0];
        assert_eq!(set["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["from"], from);
        assert!(set.to_string().len() < 200_000, "{}", set.to_string().len());
        assert_eq!(broken(set), [""; 0]);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let said = |text: String| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("i.yaml");
        std::fs::write(&file, text).unwrap();
        let done = support::lbgen(&["check", file.to_str().unwrap()]);
        assert_eq!(support::code(&done), 1);
        support::stderr(&done)
    };
    let components = "  shop: { backend: { port: 80 }, paths: [/] }\n";
    let names = said(inventory(ALONE, "  \"*.a.example\":\n  wildcard.a.example:\n", components));
    assert!(names.contains("two listener objects would be called `wildcard.a.example`"), "{names}");
    let ports = ALONE.replace(
        "class: traefik,",
        "class: traefik, gateway: { ports: { http: 8000, https: 8000 } },",
    );
    let ports = said(inventory(&ports, &numbered(1), components));
    assert!(ports.contains("port 8000 is for http and for https"), "{ports}");
}
