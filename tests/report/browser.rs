//! The pages in a real browser.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::served::{ASKED, HOSTS, edits};
use crate::support::{self, code, lbgen, stdout};
use crate::{data, hostile, report};

/// A browser, until it is dropped.
struct Browser {
    driver: Child,
    port: u16,
}

impl Browser {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { driver, port }
    }

    async fn client(&self) -> Client {
        let options = json!({
            "goog:chromeOptions": { "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let address = format!("http://127.0.0.1:{}", self.port);
        for _ in 0..600 {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(options.as_object().unwrap().clone());
            match builder.connect(&address).await {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("no browser came up");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The messages of the browser's console since it was asked last (chromedriver's own command).
#[derive(Debug)]
struct Console;

impl WebDriverCompatibleCommand for Console {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// Runs JavaScript in the page.
async fn run(client: &Client, script: &str, arguments: Vec<Value>) -> Value {
    client.execute(script, arguments).await.unwrap()
}

/// Returns the holder of each VIP, by `simulate`.
fn simulated(inventory: &Path, failed: &[&str]) -> Vec<Option<String>> {
    let nodes = failed.join(",");
    let mut arguments = vec!["simulate", "-q", "--format", "json", inventory.to_str().unwrap()];
    if !failed.is_empty() {
        arguments.extend(["--fail", &nodes]);
    }
    let done: Value = serde_json::from_str(&stdout(&lbgen(&arguments))).unwrap();
    let scenario = done["systems"][0]["sets"].as_array().unwrap().last().unwrap();
    let vips = scenario["vips"].as_array().unwrap();
    vips.iter().map(|vip| vip["holder"].as_str().map(str::to_owned)).collect()
}

const HOLDERS: &str = "return [...document.querySelectorAll('#vips tbody tr')].map((row) => row.children[3].textContent.split(' (')[0])";

/// Drives the pages of every example: nodes and zones fail as `simulate` says, URLs are answered as `trace` does, and the
/// browser has nothing to complain of.
#[test]
#[ignore = "needs chromium and chromedriver; run tests/run"]
fn a_browser_shows_what_is_so() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let browser = Browser::start();
    runtime.block_on(async {
        let client = browser.client().await;
        let mut asked = 0;
        for example in support::examples() {
            let folder = tempfile::tempdir().unwrap();
            let inventory = support::inventory(&example);
            let page = folder.path().join("page.html");
            let known = data(&report(&inventory, &page));
            client.goto(&format!("file://{}", page.display())).await.unwrap();
            elections(&client, &inventory, &known).await;
            nothing_is_cut(&client, &example).await;
            clicks(&client, &inventory, &known).await;
            asked += urls(&client, &inventory, &known).await;
            let outside = run(&client, "return performance.getEntriesByType('resource').map((one) => one.name)", vec![]).await;
            assert_eq!(outside, json!([]), "{example}");
            let errors = run(&client, "return window.lbgen !== undefined && document.querySelectorAll('#nodes tbody tr').length", vec![]).await;
            assert_eq!(errors, json!(known["nodes"].as_array().unwrap().len()), "{example}");
        }
        assert!(asked > 100, "{asked}");
        random(&client).await;
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.html");
        report(&hostile(folder.path()), &page);
        client.goto(&format!("file://{}", page.display())).await.unwrap();
        let paths = run(&client, "return [window.hurt === undefined, document.querySelector('#components tbody tr').children[3].textContent]", vec![]).await;
        assert_eq!(paths, json!([true, "/ /<script>window.hurt=1</script> /&amp /<!--"]));
        filters(&client).await;
        assert_eq!(client.issue_cmd(Console).await.unwrap(), json!([]));
        // It does say something where something is wrong.
        run(&client, "const outside = document.createElement('img'); outside.src = 'http://127.0.0.1:9/x'; document.body.append(outside)", vec![]).await;
        let said = client.issue_cmd(Console).await.unwrap().to_string();
        assert!(said.contains("Content Security Policy"), "{said}");
        picture(&client).await;
        client.close().await.unwrap();
    });
}

/// All sets of up to two failures, asked of the page's own election.
async fn elections(client: &Client, inventory: &Path, known: &Value) {
    let nodes: Vec<&str> = known["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    let done = lbgen(&[
        "simulate",
        "-q",
        "--format",
        "json",
        "--failures",
        "2",
        inventory.to_str().unwrap(),
    ]);
    let simulated: Value = serde_json::from_str(&stdout(&done)).unwrap();
    let scenarios = simulated["systems"][0]["sets"].as_array().unwrap();
    assert!(scenarios.len() > nodes.len());
    let sets: Vec<Value> = scenarios
        .iter()
        .map(|scenario| {
            let failed = scenario["failed"].as_array().unwrap().iter();
            failed.map(|name| json!(nodes.iter().position(|node| name == node).unwrap())).collect()
        })
        .collect();
    let elected = run(
        client,
        "return arguments[0].map((failed) => window.lbgen.elect(failed))",
        vec![json!(sets)],
    )
    .await;
    let zones = run(
        client,
        "return arguments[0].map((failed) => window.lbgen.zones(failed))",
        vec![json!(sets)],
    )
    .await;
    for (scenario, zones) in scenarios.iter().zip(zones.as_array().unwrap()) {
        let said = scenario["zones"].as_array().unwrap().iter();
        let said: Vec<Value> =
            said.map(|zone| json!([zone["zone"], zone["vips"], zone["bound"]])).collect();
        assert_eq!(*zones, json!(said), "{scenario}");
    }
    for (scenario, elected) in scenarios.iter().zip(elected.as_array().unwrap()) {
        let vips = scenario["vips"].as_array().unwrap();
        for (vip, node) in vips.iter().zip(elected.as_array().unwrap()) {
            let name = node.as_u64().map(|index| nodes[usize::try_from(index).unwrap()]);
            assert_eq!(vip["holder"].as_str(), name, "{scenario}");
        }
    }
}

/// At 900 pixels no table and no picture is wider than the window.
async fn nothing_is_cut(client: &Client, example: &str) {
    client.set_window_size(900, 800).await.unwrap();
    let wide = "return [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.getAttribute('aria-label') + ' ' + box.scrollWidth)";
    assert_eq!(run(client, wide, vec![]).await, json!([]), "{example}");
}

/// A node, a zone and two nodes fail by clicks and keys.
async fn clicks(client: &Client, inventory: &Path, known: &Value) {
    let nodes: Vec<&Value> = known["nodes"].as_array().unwrap().iter().collect();
    let name = |at: usize| nodes[at]["name"].as_str().unwrap();
    let shown = |failed: Vec<&str>| -> Value {
        let holders = simulated(inventory, &failed).into_iter();
        holders.map(|holder| holder.unwrap_or_else(|| "nobody".to_owned())).collect()
    };
    let press = "for (const group of document.querySelectorAll('#topology [role=button]')) if (group.getAttribute('aria-label').startsWith(arguments[0])) { group.dispatchEvent(new MouseEvent('click', { bubbles: true })); return true } return false";
    assert_eq!(run(client, HOLDERS, vec![]).await, shown(vec![]));
    assert_eq!(run(client, press, vec![json!(format!("{}, ", name(0)))]).await, json!(true));
    assert_eq!(run(client, HOLDERS, vec![]).await, shown(vec![name(0)]));
    let select = client
        .find(Locator::Css(&format!("select[aria-label='State of {}']", name(1))))
        .await
        .unwrap();
    select.select_by_value("failed").await.unwrap();
    assert_eq!(run(client, HOLDERS, vec![]).await, shown(vec![name(0), name(1)]));
    client.find(Locator::Id("reset")).await.unwrap().click().await.unwrap();
    assert_eq!(run(client, HOLDERS, vec![]).await, shown(vec![]));
    if let Some(zone) = nodes[0]["zone"].as_str() {
        assert_eq!(run(client, press, vec![json!(format!("zone {zone}:"))]).await, json!(true));
        let of_zone = nodes
            .iter()
            .filter(|node| node["zone"] == zone)
            .map(|node| node["name"].as_str().unwrap());
        assert_eq!(run(client, HOLDERS, vec![]).await, shown(of_zone.collect()));
        client.find(Locator::Id("reset")).await.unwrap().click().await.unwrap();
    }
}

/// URLs made from the page's own rules and domains, asked of the page and of `trace`.
async fn urls(client: &Client, inventory: &Path, known: &Value) -> usize {
    let mut urls = vec!["https://nobody.invalid/".to_owned(), "http://nobody.invalid/x".to_owned()];
    let domains = known["domains"].as_array().unwrap().iter().take(6);
    let hosts: Vec<String> =
        domains.map(|domain| domain["host"].as_str().unwrap().replace('*', "any")).collect();
    for host in &hosts {
        urls.extend(["/", "/nobody", "/a//../b?c=/d"].map(|path| format!("https://{host}{path}")));
        for component in known["components"].as_array().unwrap().iter().take(6) {
            for path in component["paths"].as_array().unwrap().iter().take(3) {
                let path = path.as_str().unwrap();
                let bare = path.trim_end_matches('/');
                for path in
                    [path.to_owned(), format!("{bare}/child"), format!("{bare}x"), bare.to_owned()]
                {
                    urls.extend(["http", "https"].map(|scheme| format!("{scheme}://{host}{path}")));
                }
            }
        }
    }
    alike(client, inventory, &urls).await;
    // The box shows what the function says.
    let Some(url) = urls.get(2) else { return urls.len() };
    let field = client.find(Locator::Id("asked")).await.unwrap();
    field.send_keys(url).await.unwrap();
    client.find(Locator::Css("#ask button")).await.unwrap().click().await.unwrap();
    let said = client.find(Locator::Id("answer")).await.unwrap().text().await.unwrap();
    assert!(said.len() > 10, "{said}");
    urls.len()
}

/// The page answers URLs as `trace` does.
async fn alike(client: &Client, inventory: &Path, urls: &[String]) {
    let mut arguments = vec!["trace", "-q", "--format", "json", "-i", inventory.to_str().unwrap()];
    arguments.extend(urls.iter().map(String::as_str));
    let traced: Value = serde_json::from_str(&stdout(&lbgen(&arguments))).unwrap();
    let found =
        run(client, "return arguments[0].map((url) => window.lbgen.trace(url))", vec![json!(urls)])
            .await;
    for (traced, found) in
        traced["traces"].as_array().unwrap().iter().zip(found.as_array().unwrap())
    {
        let answer = &traced["answer"];
        let wanted = (
            &answer["kind"],
            answer.get("name").unwrap_or(&Value::Null),
            answer.get("location").unwrap_or(&Value::Null),
        );
        let shown = (
            &found["kind"],
            found.get("name").unwrap_or(&Value::Null),
            found.get("location").unwrap_or(&Value::Null),
        );
        let text = fs::read_to_string(inventory).unwrap();
        assert_eq!(shown, wanted, "{}\n{text}", traced["url"]);
    }
}

/// Random inventories, with every controller and implementation, canaries, regular expressions and wildcards.
async fn random(client: &Client) {
    let cases = std::env::var("CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let mut runner = TestRunner::default();
    let (mut asked, mut valid) = (0, 0);
    while valid < cases {
        let (served, _) = edits().new_tree(&mut runner).unwrap().current();
        let folder = tempfile::tempdir().unwrap();
        let inventory = folder.path().join("inventory.yaml");
        fs::write(&inventory, served.text()).unwrap();
        if code(&lbgen(&["check", "-q", inventory.to_str().unwrap()])) != 0 {
            continue;
        }
        valid += 1;
        let page = folder.path().join("page.html");
        report(&inventory, &page);
        client.goto(&format!("file://{}", page.display())).await.unwrap();
        let hosts =
            HOSTS.iter().map(|host| host.replace('*', "any")).chain(["x.invalid".to_owned()]);
        let urls: Vec<String> = hosts
            .flat_map(|host| ASKED.map(|path| format!("{host}{path}")))
            .flat_map(|url| ["http", "https"].map(|scheme| format!("{scheme}://{url}")))
            .collect();
        alike(client, &inventory, &urls).await;
        asked += urls.len();
    }
    println!("{asked} URLs of {valid} random inventories");
}

/// 2,000 domains, filtered and sorted.
async fn filters(client: &Client) {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.yaml");
    fs::write(&inventory, support::datacenter(12, 48, 120, 2_000)).unwrap();
    let page = folder.path().join("page.html");
    report(&inventory, &page);
    client.goto(&format!("file://{}", page.display())).await.unwrap();
    let rows = "return [...document.querySelectorAll('#domains tbody tr')].map((row) => row.children[0].textContent)";
    assert_eq!(run(client, rows, vec![]).await.as_array().unwrap().len(), 2_000);
    client
        .find(Locator::Css("#domains .filter"))
        .await
        .unwrap()
        .send_keys("brand-199")
        .await
        .unwrap();
    let found = run(client, rows, vec![]).await;
    let wanted: Vec<String> = (0..2_000)
        .map(|index| format!("brand-{index}.example.com"))
        .filter(|name| name.contains("brand-199"))
        .collect();
    let mut found: Vec<&str> =
        found.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, wanted);
    let sort = "document.querySelector('#domains th button').click(); document.querySelector('#domains th button').click();";
    run(client, sort, vec![]).await;
    let sorted = run(client, rows, vec![]).await;
    assert_eq!(sorted[0], "brand-1999.example.com");
    assert_eq!(
        run(
            client,
            "return document.querySelector('#domains th').getAttribute('aria-sort')",
            vec![]
        )
        .await,
        json!("descending")
    );
}

/// The README's picture, made anew: `UPDATE_DOCS=1` keeps it. It has the size of the old one, and shows the same things.
async fn picture(client: &Client) {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    report(&support::inventory("three-racks"), &page);
    client.set_window_size(1000, 760).await.unwrap();
    client.goto(&format!("file://{}", page.display())).await.unwrap();
    let shown = run(client, "return [...document.querySelectorAll('#topology *')].map((one) => one.tagName + ' ' + (one.getAttribute('class') ?? '') + ' ' + (one.children.length ? '' : one.textContent)).join('\\n')", vec![]).await;
    let png = client.screenshot().await.unwrap();
    let kept = support::root().join("docs/report.png");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&kept, &png).unwrap();
    }
    // Width and height stand at a fixed place (PNG, IHDR).
    assert_eq!(png[16..24], fs::read(kept).unwrap()[16..24]);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(support::root().join("snapshots/report"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("topology", shown.as_str().unwrap()));
}
