//! A plan and its elections as rows: tables, JSON and pages show the same ones.

pub mod json;
pub mod kubernetes;

mod impact;
mod orders;
mod placement;
mod rows;

/// The order of names as people sort them: `lb-2` stands before `lb-10`.
pub fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    alphanumeric_sort::compare_str(a, b).then_with(|| a.cmp(b))
}

pub use impact::{markdown as impact_markdown, seconds};
pub use orders::{EntrypointInZone, NodeRow, Orders, Rank, VipRow, WorstRow, ZoneRow};
pub use placement::{Move, PlacementRow, VipPlacement, scenario_name};
pub use rows::{Row, rows};
