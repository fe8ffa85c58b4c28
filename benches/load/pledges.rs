//! Pledges and confirmations over HTTP, as fast as they are answered: each connection sends one after the other, and waits
//! as long as a refusal says before it sends the same again.

use std::{
    cell::{Cell, RefCell},
    fmt::Write,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    figures::{Latencies, microseconds, ms, per_second, rate},
    http::Client,
    out::say,
    people::{People, Spread},
    target::Target,
};

/// Pause after a connection that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Send pledges to a running service as fast as it answers.
#[derive(Args, Clone, Debug)]
pub struct Pledge {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    shape: Shape,

    /// Send as a partner's server does, with this secret key.
    #[arg(long)]
    secret: Option<String>,
}

/// How much of a load.
#[derive(Args, Clone, Copy, Debug)]
pub struct Shape {
    /// Connections at once.
    #[arg(long, default_value_t = 256)]
    pub connections: usize,

    /// Seconds that are measured.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,

    /// Seconds before, that are not.
    #[arg(long, default_value_t = 2)]
    pub warm_up: u64,

    /// Where the supporters are from.
    #[arg(long, value_enum, default_value = "even")]
    pub spread: Spread,
}

impl Pledge {
    /// Runs and tells.
    ///
    /// # Errors
    /// When there is no such service.
    pub async fn run(&self) -> anyhow::Result<()> {
        let outcome =
            send(self.target.address().await?, &self.target.campaign, self.secret.as_deref(), self.shape).await?;
        for line in outcome.lines() {
            say(&line);
        }
        Ok(())
    }
}

/// What became of the pledges.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Acknowledged within the measured time: from sending to the answer.
    pub latencies: Latencies,
    /// Refused within the measured time.
    pub refusals: Latencies,
    /// Acknowledged in each second of the measured time.
    pub by_second: Vec<u32>,
    /// The measured time.
    pub time: Duration,
    /// Supporters whose pledge was acknowledged, before and after the measured time too.
    pub acknowledged: usize,
    /// Supporters whose pledge was sent.
    pub sent: usize,
    /// Answers that were neither an acknowledgement nor a refusal with Retry-After.
    pub unexpected: usize,
    /// Connections that failed.
    pub broken: usize,
}

impl Outcome {
    /// Acknowledged pledges a second.
    pub fn rate(&self) -> f64 {
        rate(self.latencies.count(), self.time)
    }

    /// The same over the last `seconds`.
    pub fn rate_of_last(&self, seconds: usize) -> f64 {
        let last = self.by_second.iter().rev().take(seconds).map(|count| *count as usize);
        rate(last.sum(), Duration::from_secs(seconds.min(self.by_second.len()) as u64))
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let (latencies, refusals) = (&self.latencies, &self.refusals);
        let mut lines = vec![format!(
            "acknowledged {}, p50 {}, p99 {}, max {}",
            per_second(self.rate()),
            ms(latencies.percentile_ms(50)),
            ms(latencies.percentile_ms(99)),
            ms(latencies.max_ms()),
        )];
        if refusals.count() > 0 {
            lines.push(format!(
                "refused {}, told within: p50 {}, p99 {}, max {}",
                per_second(rate(refusals.count(), self.time)),
                ms(refusals.percentile_ms(50)),
                ms(refusals.percentile_ms(99)),
                ms(refusals.max_ms()),
            ));
        }
        lines.push(format!(
            "in all: {} sent, {} acknowledged, {} unexpected answers, {} failed connections",
            self.sent, self.acknowledged, self.unexpected, self.broken
        ));
        lines
    }
}

/// Sends pledges to a campaign of the service at `address`; with a secret key, as a partner's server does.
///
/// # Errors
/// When the system gives no random bytes, or nothing at all was answered.
pub async fn send(address: SocketAddr, campaign: &str, secret: Option<&str>, shape: Shape) -> anyhow::Result<Outcome> {
    let (people, requests) = (People::new(shape.spread)?, Requests::new(address, campaign, secret));
    send_from(address, Source::Pledges { people, requests }, shape).await
}

/// Posts what stands behind the links of mails: each of these tokens once, or as many as there is time for.
///
/// # Errors
/// When nothing at all was answered.
pub async fn confirm(address: SocketAddr, tokens: Vec<String>, shape: Shape) -> anyhow::Result<Outcome> {
    let next = Cell::new(0);
    send_from(address, Source::Confirmations { address, tokens, next }, shape).await
}

async fn send_from(address: SocketAddr, source: Source, shape: Shape) -> anyhow::Result<Outcome> {
    let begin = Instant::now() + Duration::from_secs(shape.warm_up);
    let plan = Rc::new(Plan {
        address,
        begin,
        end: begin + Duration::from_secs(shape.seconds),
        source,
        ran_dry: Cell::new(None),
        tally: RefCell::default(),
        first_refusal: Cell::new(None),
    });
    let mut connections = JoinSet::new();
    for _ in 0..shape.connections {
        connections.spawn_local(plan.clone().supporters());
    }
    while connections.join_next().await.is_some() {}
    let tally = plan.tally.take();
    if tally.acknowledged == 0 {
        let why = plan.first_refusal.get().map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"));
        anyhow::bail!("nothing was acknowledged: {why}");
    }
    let end = plan.ran_dry.get().map_or(plan.end, |dry| dry.min(plan.end));
    Ok(tally.outcome(plan.source.count()?, end.saturating_duration_since(begin)))
}

/// Where requests come from.
enum Source {
    Pledges { people: People, requests: Requests },
    Confirmations { address: SocketAddr, tokens: Vec<String>, next: Cell<usize> },
}

impl Source {
    /// The next request; false when there is none left. `body` is scratch space.
    fn write(&self, body: &mut String, request: &mut String) -> bool {
        match self {
            Self::Pledges { people, requests } => requests.write(people, people.next(), body, request),
            Self::Confirmations { address, tokens, next } => {
                let Some(token) = tokens.get(next.get()) else { return false };
                next.set(next.get() + 1);
                request.clear();
                // Writing to a String can't fail.
                let _ =
                    write!(request, "POST /confirm/{token} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n");
            }
        }
        true
    }

    /// How many were sent.
    fn count(&self) -> anyhow::Result<usize> {
        match self {
            Self::Pledges { people, .. } => usize::try_from(people.count()).context("too many"),
            Self::Confirmations { next, .. } => Ok(next.get()),
        }
    }
}

/// Writes requests into a buffer that is used again and again.
#[derive(Debug)]
pub struct Requests {
    head: String,
}

impl Requests {
    /// For pledges to a campaign.
    pub fn new(address: SocketAddr, campaign: &str, secret: Option<&str>) -> Self {
        let authorization = secret.map(|secret| format!("authorization: Bearer {secret}\r\n")).unwrap_or_default();
        let head = format!(
            "POST /v1/campaigns/{campaign}/pledges HTTP/1.1\r\nhost: {address}\r\n{authorization}\
             content-type: application/json\r\ncontent-length: "
        );
        Self { head }
    }

    /// The whole request of one supporter. `body` is scratch space.
    pub fn write(&self, people: &People, number: u64, body: &mut String, request: &mut String) {
        body.clear();
        people.write_json(number, body);
        request.clear();
        // Writing to a String can't fail.
        let _ = write!(request, "{}{}\r\n\r\n{body}", self.head, body.len());
    }
}

struct Plan {
    address: SocketAddr,
    begin: Instant,
    end: Instant,
    source: Source,
    /// When there was nothing more to send.
    ran_dry: Cell<Option<Instant>>,
    tally: RefCell<Tally>,
    first_refusal: Cell<Option<u16>>,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<u32>,
    refusals: Vec<u32>,
    by_second: Vec<u32>,
    acknowledged: usize,
    unexpected: usize,
    broken: usize,
}

impl Tally {
    fn acknowledge(&mut self, latency: u32, second: Option<u64>) {
        self.acknowledged += 1;
        let Some(second) = second.and_then(|second| usize::try_from(second).ok()) else { return };
        self.latencies.push(latency);
        if self.by_second.len() <= second {
            self.by_second.resize(second + 1, 0);
        }
        if let Some(count) = self.by_second.get_mut(second) {
            *count += 1;
        }
    }

    fn outcome(self, sent: usize, time: Duration) -> Outcome {
        Outcome {
            latencies: Latencies::new(self.latencies),
            refusals: Latencies::new(self.refusals),
            by_second: self.by_second,
            time,
            acknowledged: self.acknowledged,
            sent,
            unexpected: self.unexpected,
            broken: self.broken,
        }
    }
}

impl Plan {
    /// One connection's supporters, one after the other.
    async fn supporters(self: Rc<Self>) {
        let mut client = Client::new(self.address);
        let (mut body, mut request) = (String::new(), String::new());
        while Instant::now() < self.end {
            if !self.source.write(&mut body, &mut request) {
                self.ran_dry.set(self.ran_dry.get().or(Some(Instant::now())));
                return;
            }
            while let Some(pause) = self.send_once(&mut client, &request).await {
                if Instant::now() + pause >= self.end {
                    sleep_until(self.end).await;
                    return;
                }
                sleep(pause).await;
            }
        }
    }

    /// Sends a pledge; how long to wait before it is sent again, or None when it is done.
    async fn send_once(&self, client: &mut Client, request: &str) -> Option<Duration> {
        let sent = Instant::now();
        let answer = client.exchange(request.as_bytes()).await;
        let now = Instant::now();
        let latency = microseconds(now - sent);
        // The second of the measured time.
        let second = (now >= self.begin && now < self.end).then(|| (now - self.begin).as_secs());
        let mut tally = self.tally.borrow_mut();
        let Ok(head) = answer else {
            tally.broken += 1;
            return Some(AFTER_FAILURE);
        };
        // Counted at once, once its mailbox has confirmed it, or confirmed.
        if matches!(head.status, 201 | 202 | 303) {
            tally.acknowledge(latency, second);
            return None;
        }
        self.first_refusal.set(self.first_refusal.get().or(Some(head.status)));
        let (429 | 503, Some(seconds)) = (head.status, head.retry_after_s) else {
            tally.unexpected += 1;
            return None;
        };
        if second.is_some() {
            tally.refusals.push(latency);
        }
        Some(with_jitter(seconds, latency))
    }
}

/// The time asked for, and up to a tenth more, so that those who were refused together don't come back together. The
/// microseconds of a latency are random enough for that.
fn with_jitter(seconds: u32, latency: u32) -> Duration {
    Duration::from_secs(u64::from(seconds)).mul_f64(1.0 + f64::from(latency % 1000) / 10_000.0)
}
