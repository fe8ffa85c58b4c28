//! Reads as fast as they are answered: by wrk, or where there is none by the driver's own client.

use std::{cell::Cell, net::SocketAddr, path::Path, process::Stdio, rc::Rc, time::Duration};

use anyhow::{Context, ensure};
use tokio::{process::Command, task::JoinSet, time::Instant};

use crate::{figures::rate, http::Client};

/// Connections at once.
pub const CONNECTIONS: usize = 64;

/// What is read.
#[derive(Clone, Debug)]
pub struct Get {
    /// From where.
    pub address: SocketAddr,
    /// What.
    pub path: String,
    /// Further headers, as `name: value`.
    pub headers: Vec<String>,
}

impl Get {
    /// The request as it is sent.
    pub fn request(&self) -> String {
        let headers = [vec![format!("host: {}", self.address)], self.headers.clone()].concat().join("\r\n");
        format!("GET {} HTTP/1.1\r\n{headers}\r\n\r\n", self.path)
    }

    /// Answers a second, all with `status`, measured by wrk at `wrk` or else by the own client.
    ///
    /// # Errors
    /// When there were other answers, or none.
    pub async fn rate(&self, wrk: Option<&Path>, status: u16, seconds: u64) -> anyhow::Result<f64> {
        match wrk {
            Some(wrk) => self.rate_by_wrk(wrk, seconds).await,
            None => self.rate_by_us(status, Duration::from_secs(seconds)).await,
        }
    }

    async fn rate_by_wrk(&self, wrk: &Path, seconds: u64) -> anyhow::Result<f64> {
        let mut command = Command::new(wrk);
        command.args(["--threads", "1", "--connections", &CONNECTIONS.to_string()]);
        command.arg("--duration").arg(format!("{seconds}s"));
        for header in &self.headers {
            command.arg("--header").arg(header);
        }
        command.arg(format!("http://{}{}", self.address, self.path));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let good = output.status.success() && !said.contains("Non-2xx") && !said.contains("Socket errors");
        ensure!(good, "wrk: {said}{}", String::from_utf8_lossy(&output.stderr));
        let line = said.lines().find_map(|line| line.strip_prefix("Requests/sec:")).context("wrk tells no rate")?;
        Ok(line.trim().parse()?)
    }

    async fn rate_by_us(&self, status: u16, time: Duration) -> anyhow::Result<f64> {
        let request: Rc<str> = self.request().into();
        let (answers, others) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let mut connections = JoinSet::new();
        let end = Instant::now() + time;
        for _ in 0..CONNECTIONS {
            let (request, answers, others) = (request.clone(), answers.clone(), others.clone());
            let mut client = Client::new(self.address);
            connections.spawn_local(async move {
                while Instant::now() < end {
                    let answer = client.exchange(request.as_bytes()).await;
                    let counter = if answer.is_ok_and(|head| head.status == status) { &answers } else { &others };
                    counter.set(counter.get() + 1);
                }
            });
        }
        while connections.join_next().await.is_some() {}
        ensure!(others.get() == 0, "{} answers had another status than {status}", others.get());
        Ok(rate(answers.get(), time))
    }
}
