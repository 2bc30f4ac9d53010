//! Whatever stands in an inventory and its lock: `check` ends, says something or plans, and everything planned is emitted.
//!
//! ```sh
//! mkdir -p fuzz/corpus/check
//! cp tests/bad/* tests/warned/* fuzz/corpus/check/
//! for example in inventory-examples/*; do cat $example/inventory.yaml <(echo '%%%') $example/inventory.lock \
//!     >fuzz/corpus/check/$(basename $example); done
//! cargo +nightly fuzz run check -- -max_total_time=600 -timeout=2 -max_len=20000 -dict=fuzz/check.dict
//! ```

#![no_main]

use lbgen::diag::{self, Report};
use lbgen::emit::{self, Templates};
use lbgen::inventory;
use lbgen::pipeline::{self, Options};
use lbgen::plan::Keep;
use lbgen::source::Sources;
use libfuzzer_sys::fuzz_target;

/// What stands between the inventory and its lock.
const LOCK: &[u8] = b"%%%\n";

fuzz_target!(|data: &[u8]| {
    let (inventory, lock) = match data.windows(LOCK.len()).position(|window| window == LOCK) {
        Some(at) => (&data[..at], Some(&data[at + LOCK.len()..])),
        None => (data, None),
    };
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("f.yaml".into(), inventory.into(), &mut sources, &mut report);
    let lock = lock.and_then(|lock| {
        inventory::lock::parse("f.lock".into(), lock.into(), &mut sources, &mut report)
    });
    let options = Options { source: "f.yaml", keep: Keep::Locked, allow: &[] };
    let planned = pipeline::run(raw.as_ref(), lock.as_ref(), options, &mut report);
    diag::render_human(&report, &sources, true);
    diag::render_json(&report, &sources);
    diag::render_github(&report, &sources);
    assert!(planned.is_some() || report.has_errors(), "nothing is wrong, and there is no plan");
    if let Some(planned) = planned {
        let templates = Templates::load(None).expect("the embedded templates are there");
        emit::emit(&planned.plan, &templates).expect("what is planned can be emitted");
    }
});
