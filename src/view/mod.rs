//! A plan and its elections as rows: tables, JSON and pages show the same ones.

mod impact;
mod orders;
mod placement;
mod rows;

pub use impact::{markdown as impact_markdown, seconds};
pub use orders::{NodeRow, Orders, Rank, VipRow, WorstRow};
pub use placement::{Move, PlacementRow, VipPlacement, scenario_name};
pub use rows::{Row, rows};
