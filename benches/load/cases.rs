//! The cases, one file each. Each runs on a database of its own and adds its lines to the report; what is compared is
//! measured in the same case, by turns where the comparison is a ratio.

pub mod confirm;
pub mod crowd;
pub mod export;
pub mod few;
pub mod filters;
pub mod gate;
pub mod ingest;
pub mod large;
pub mod pgbench;
pub mod reads;
pub mod removals;
pub mod sealing;
pub mod search;
pub mod snapshot;
pub mod stream;
mod varied;

use crate::{people::Spread, pledges::Shape};

/// Seconds before each measured window.
const WARM_UP_S: u64 = 2;

/// So many connections, from forty countries.
fn evenly(connections: usize, seconds: u64) -> Shape {
    Shape { connections, seconds, warm_up: WARM_UP_S, spread: Spread::Even }
}
