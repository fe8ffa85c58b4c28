//! Pledges for campaigns.
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod http;
pub mod tasks;
pub mod country;
pub mod totals;
pub mod accounts;
pub mod audit;
pub mod sealing;
pub mod campaigns;
pub mod pledges;
pub mod moderation;
pub mod app;
pub mod ops;
pub mod web;
