//! The service as its users meet it: over HTTP, on a real PostgreSQL. One file per feature, told as behaviours; and the
//! guardians (architecture, contract, authorization, migrations, outage).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; clippy knows tests, but not the functions they share"
)]

mod support;

mod accounts;
mod architecture;
mod audit;
mod authorization;
mod canary;
mod challenge;
mod cli;
mod confirmation;
mod contract;
mod doctor;
mod export;
mod forms;
mod gate;
mod keys;
mod limits;
mod logging;
mod mail;
mod metrics;
mod migrations;
mod moderation;
mod outage;
mod partners;
mod pledges;
mod privacy;
mod sealing;
mod settings;
mod switches;
mod totals;
mod wall;
mod web;
