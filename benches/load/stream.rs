//! Subscribers of the stream of totals, and how old the news is that reaches them.

use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Args;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    figures::{Latencies, count, float, microseconds, ms, per_second, rate},
    http::{Head, connect},
    out::say,
    paced::{self, Flights, oldest_missing_us},
    sse::{Frames, total},
    target::Target,
};

/// Subscribers from one address of the loopback: fewer than the service allows one source.
const PER_SOURCE: usize = 150;

/// Subscribers that connect at once.
const WAVE: usize = 200;

/// How long all of them may take until they have the first document.
const CONNECT_WITHIN: Duration = Duration::from_secs(120);

/// Seconds at the beginning of the load that are not measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// After the last pledge: news must be out after this, or it never comes.
const SETTLE: Duration = Duration::from_secs(4);

/// What one read takes at the most.
const READ_BYTES: usize = 16 * 1024;

/// Subscribe many times to a running service while pledges arrive, and tell how old the news is that comes.
#[derive(Args, Clone, Debug)]
pub struct Stream {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    shape: Shape,
}

/// How much of it.
#[derive(Args, Clone, Copy, Debug)]
pub struct Shape {
    /// Subscribers.
    #[arg(long, default_value_t = 10_000)]
    pub subscribers: usize,

    /// Pledges a second.
    #[arg(long, default_value_t = 1_000)]
    pub rate: u32,

    /// Seconds for which they arrive.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

impl Stream {
    /// Runs and tells.
    ///
    /// # Errors
    /// See [`Audience::gather`].
    pub async fn run(&self) -> anyhow::Result<()> {
        let address = self.target.address().await?;
        let audience = Audience::gather(address, &self.target.campaign, self.shape.subscribers).await?;
        say(&audience.watch(&self.target.campaign, self.shape).await?.line());
        Ok(())
    }
}

/// What reached the subscribers.
#[derive(Debug)]
pub struct News {
    /// At each event of each subscriber: the age of the oldest pledge that is new in its total, since it was sent.
    pub ages: Latencies,
    /// Subscribers that were connected to the end.
    pub connected: usize,
    /// Those of them that were told of every pledge in the end.
    pub told: usize,
    /// Of all.
    pub subscribers: usize,
    /// Pledges acknowledged.
    pub pledges: usize,
    /// The same a second.
    pub rate: f64,
    /// Pledges given up.
    pub lost: usize,
    /// How late the driver was at the worst, in milliseconds.
    pub late_ms: f64,
}

impl News {
    /// For people.
    pub fn line(&self) -> String {
        format!(
            "{} subscribers, {} connected and {} told of all {} pledges ({}); {} events, age p50 {}, p99 {}, max {}; \
             the driver was late by {} at the most",
            count(self.subscribers),
            count(self.connected),
            count(self.told),
            count(self.pledges),
            per_second(self.rate),
            count(self.ages.count()),
            ms(self.ages.percentile_ms(50)),
            ms(self.ages.percentile_ms(99)),
            ms(self.ages.max_ms()),
            ms(self.late_ms),
        )
    }
}

/// A growth of the total that a subscriber was told.
#[derive(Clone, Copy, Debug)]
struct Growth {
    at_us: u32,
    before: u32,
}

struct Inner {
    address: SocketAddr,
    request: String,
    epoch: Instant,
    scratch: RefCell<Vec<u8>>,
    growths: RefCell<Vec<Growth>>,
    /// The total that each subscriber was told last; None before the first, and once it is disconnected.
    totals: RefCell<Vec<Option<u32>>>,
    refused: Cell<Option<u16>>,
}

/// The subscribers. Dropping it disconnects them.
pub struct Audience {
    inner: Rc<Inner>,
    subscribers: JoinSet<()>,
}

impl Audience {
    /// Connects `subscribers` and waits until each has the first document.
    ///
    /// # Errors
    /// When they are refused, or not all are there in time.
    pub async fn gather(address: SocketAddr, campaign: &str, subscribers: usize) -> anyhow::Result<Self> {
        let request = format!(
            "GET /v1/campaigns/{campaign}/totals/stream HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n"
        );
        let inner = Rc::new(Inner {
            address,
            request,
            epoch: Instant::now(),
            scratch: RefCell::new(vec![0; READ_BYTES]),
            growths: RefCell::default(),
            totals: RefCell::new(vec![None; subscribers]),
            refused: Cell::new(None),
        });
        let mut audience = Self { inner, subscribers: JoinSet::new() };
        let began = Instant::now();
        for number in 0..subscribers {
            audience.subscribers.spawn_local(audience.inner.clone().subscriber(number));
            while number + 1 - audience.connected() >= WAVE || (number + 1 == subscribers && !audience.is_whole()) {
                audience.check(began)?;
                sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(audience)
    }

    fn check(&self, began: Instant) -> anyhow::Result<()> {
        if let Some(status) = self.inner.refused.get() {
            anyhow::bail!("the stream answers with status {status}");
        }
        ensure!(
            began.elapsed() < CONNECT_WITHIN,
            "only {} of {} subscribers have the first document after {} s",
            self.connected(),
            self.inner.totals.borrow().len(),
            CONNECT_WITHIN.as_secs()
        );
        Ok(())
    }

    fn connected(&self) -> usize {
        self.inner.totals.borrow().iter().flatten().count()
    }

    fn is_whole(&self) -> bool {
        self.inner.totals.borrow().iter().all(Option::is_some)
    }

    /// Lets pledges arrive, and looks at what the subscribers are told.
    ///
    /// # Errors
    /// When nobody is told anything.
    pub async fn watch(self, campaign: &str, shape: Shape) -> anyhow::Result<News> {
        let base = self.inner.totals.borrow().first().copied().flatten().context("nobody is connected")?;
        let from_us = microseconds(self.inner.epoch.elapsed() + WARM_UP);
        let time = WARM_UP + Duration::from_secs(shape.seconds);
        let found = paced::send(self.inner.address, campaign, self.inner.epoch, shape.rate, time).await?;
        sleep(SETTLE).await;
        let ages = self.ages(base, from_us, &found);
        ensure!(ages.count() > 0, "no subscriber was told of any pledge");
        let all = base + u32::try_from(found.acknowledged.len())?;
        let told = self.inner.totals.borrow().iter().flatten().filter(|total| **total == all).count();
        Ok(News {
            ages,
            connected: self.connected(),
            told,
            subscribers: shape.subscribers,
            pledges: found.acknowledged.len(),
            rate: rate(found.acknowledged.len(), time),
            lost: found.lost,
            late_ms: float(found.late_us as usize) / 1000.0,
        })
    }

    fn ages(&self, base: u32, from_us: u32, found: &Flights) -> Latencies {
        let missing = oldest_missing_us(&found.acknowledged);
        let growths = self.inner.growths.borrow();
        let measured = growths.iter().filter(|growth| growth.at_us >= from_us);
        let age = |growth: &Growth| {
            let counted = usize::try_from(growth.before.checked_sub(base)?).ok()?;
            missing.get(counted).map(|sent_us| growth.at_us.saturating_sub(*sent_us))
        };
        Latencies::new(measured.filter_map(age).collect())
    }
}

impl Inner {
    async fn subscriber(self: Rc<Self>, number: usize) {
        // Whatever ends it, it ends: how many were there to the end is told.
        let _ = self.listen(number).await;
        if let Some(last) = self.totals.borrow_mut().get_mut(number) {
            *last = None;
        }
    }

    async fn listen(&self, number: usize) -> anyhow::Result<()> {
        let mut stream = connect(self.address, source(number)).await?;
        stream.write_all(self.request.as_bytes()).await?;
        let (mut head, mut frames, mut is_open) = (Vec::new(), Frames::default(), false);
        loop {
            stream.readable().await?;
            let Some(at_us) = self.read(&stream)? else { continue };
            let (at_us, bytes) = at_us;
            let scratch = self.scratch.borrow();
            let bytes = scratch.get(..bytes).unwrap_or_default();
            if is_open {
                frames.take(bytes, |frame| self.told(number, at_us, frame))?;
                continue;
            }
            head.extend_from_slice(bytes);
            if let Some(read) = Head::read(&head)? {
                if read.status != 200 {
                    self.refused.set(Some(read.status));
                    return Ok(());
                }
                is_open = true;
                frames.take(head.get(read.size..).unwrap_or_default(), |frame| self.told(number, at_us, frame))?;
                head = Vec::new();
            }
        }
    }

    /// Reads what is there into the scratch space, which all share: when, and how many bytes.
    fn read(&self, stream: &TcpStream) -> anyhow::Result<Option<(u32, usize)>> {
        match stream.try_read(&mut self.scratch.borrow_mut()) {
            Ok(0) => anyhow::bail!("disconnected"),
            Ok(bytes) => Ok(Some((microseconds(self.epoch.elapsed()), bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn told(&self, number: usize, at_us: u32, frame: &[u8]) {
        let Some(total) = total(frame) else { return };
        let mut totals = self.totals.borrow_mut();
        let Some(last) = totals.get_mut(number) else { return };
        if let Some(before) = last.filter(|before| *before < total) {
            self.growths.borrow_mut().push(Growth { at_us, before });
        }
        *last = Some(total);
    }
}

/// The address that a subscriber comes from. Only Linux has the whole of 127.0.0.0/8 without being told.
fn source(number: usize) -> Option<IpAddr> {
    let group = u32::try_from(number / PER_SOURCE).ok().filter(|_| cfg!(target_os = "linux"))?;
    // From 127.0.1.1 on, without those that end in 0 or 255.
    Some(Ipv4Addr::from_bits(0x7f_00_01_01 + group / 250 * 256 + group % 250).into())
}
