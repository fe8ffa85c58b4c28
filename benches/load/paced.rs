//! Pledges at a steady rate, sent when their time has come, whether those before are answered or not.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    figures::microseconds,
    http::Client,
    people::{People, Spread},
    pledges::Requests,
};

/// Connections that share the work: many more than are needed, or a slow answer would hold up the next pledge.
const CONNECTIONS: usize = 200;

/// Pause before a pledge that was not acknowledged is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// Attempts after which a pledge is given up.
const ATTEMPTS: usize = 50;

/// One pledge on its way: microseconds since the beginning.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "they tell the unit")]
pub struct Flight {
    /// When its time had come.
    pub due_us: u32,
    /// When it was first sent.
    pub sent_us: u32,
    /// When it was acknowledged.
    pub acknowledged_us: u32,
}

/// The pledges of a steady load.
#[derive(Debug, Default)]
pub struct Flights {
    /// Those that were acknowledged, in the order in which they were sent.
    pub acknowledged: Vec<Flight>,
    /// How many were not.
    pub lost: usize,
    /// How late the latest was sent, in microseconds: the driver's own fault.
    pub late_us: u32,
}

/// Sends `rate` pledges a second for `time`.
///
/// # Errors
/// When the system gives no random bytes.
pub async fn send(
    address: SocketAddr,
    campaign: &str,
    epoch: Instant,
    rate: u32,
    time: Duration,
) -> anyhow::Result<Flights> {
    send_until(address, campaign, epoch, rate, Rc::new(Cell::new(Instant::now() + time))).await
}

/// The same until a moment that may be changed meanwhile.
///
/// # Errors
/// As [`send`].
pub async fn send_until(
    address: SocketAddr,
    campaign: &str,
    epoch: Instant,
    rate: u32,
    end: Rc<Cell<Instant>>,
) -> anyhow::Result<Flights> {
    let plan = Rc::new(Plan {
        address,
        epoch,
        start: Instant::now(),
        end,
        gap: Duration::from_secs(1) / rate.max(1),
        next: Cell::new(0),
        people: People::new(Spread::Even)?,
        requests: Requests::new(address, campaign, None),
        found: RefCell::default(),
    });
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        connections.spawn_local(plan.clone().connection());
    }
    while connections.join_next().await.is_some() {}
    let mut found = plan.found.take();
    found.acknowledged.sort_by_key(|flight| flight.sent_us);
    Ok(found)
}

struct Plan {
    address: SocketAddr,
    epoch: Instant,
    start: Instant,
    end: Rc<Cell<Instant>>,
    gap: Duration,
    next: Cell<u32>,
    people: People,
    requests: Requests,
    found: RefCell<Flights>,
}

impl Plan {
    async fn connection(self: Rc<Self>) {
        let mut client = Client::new(self.address);
        let (mut body, mut request) = (String::new(), String::new());
        loop {
            let due = self.start + self.gap * self.next.get();
            self.next.set(self.next.get() + 1);
            if due.max(Instant::now()) >= self.end.get() {
                return;
            }
            self.requests.write(&self.people, self.people.next(), &mut body, &mut request);
            sleep_until(due).await;
            let late_us = microseconds(due.elapsed());
            let due_us = microseconds(due.saturating_duration_since(self.epoch));
            let flight = self.fly(&mut client, &request, due_us).await;
            let mut found = self.found.borrow_mut();
            found.late_us = found.late_us.max(late_us);
            match flight {
                Some(flight) => found.acknowledged.push(flight),
                None => found.lost += 1,
            }
        }
    }

    async fn fly(&self, client: &mut Client, request: &str, due_us: u32) -> Option<Flight> {
        let sent_us = microseconds(self.epoch.elapsed());
        for _ in 0..ATTEMPTS {
            let answer = client.exchange(request.as_bytes()).await;
            if answer.is_ok_and(|head| head.status == 201) {
                return Some(Flight { due_us, sent_us, acknowledged_us: microseconds(self.epoch.elapsed()) });
            }
            sleep(PAUSE).await;
        }
        None
    }
}

/// By how many pledges are counted already: when the oldest of those that aren't was sent, at the earliest.
///
/// Pledges are not counted in the order in which they were sent. But while one is not counted, only those before it and
/// those sent during its flight can be; so the oldest that may be missing at a count of `k` is the first for which these
/// are `k` or more.
pub fn oldest_missing_us(flights: &[Flight]) -> Vec<u32> {
    let mut oldest = Vec::with_capacity(flights.len());
    for flight in flights {
        let reach = flights.partition_point(|other| other.sent_us <= flight.acknowledged_us);
        // All counts up to `reach - 1` leave this one open, and those before it are answered for.
        while oldest.len() < reach {
            oldest.push(flight.sent_us);
        }
    }
    oldest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flights(times: &[(u32, u32)]) -> Vec<Flight> {
        times.iter().map(|&(sent_us, acknowledged_us)| Flight { due_us: sent_us, sent_us, acknowledged_us }).collect()
    }

    #[test]
    fn one_after_the_other_the_next_is_the_oldest() {
        assert_eq!(oldest_missing_us(&flights(&[(0, 1), (10, 11), (20, 21)])), [0, 10, 20]);
    }

    #[test]
    fn whoever_was_on_the_way_long_may_be_missing_still() {
        // While the first was on its way, two others were sent: with two counted it may be the one that isn't.
        assert_eq!(oldest_missing_us(&flights(&[(0, 25), (10, 11), (20, 21), (30, 31)])), [0, 0, 0, 30]);
    }
}
