//! Holds that come later, and what stands out meanwhile: every few minutes one instance shows the engine of the gate what has come since ([`crate::gate::waves`]), and
//! raises the scores of those that belong to a wave. Who counted and now is over the campaign's limit is held: row and delta in
//! one transaction. What a moderator has accepted stays.

pub mod store;

use std::{collections::HashMap, thread, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    campaigns::{Campaign, Campaigns, State},
    db::{Connection, Database, DbError, IsConflict},
    gate::waves::{Raise, Waves},
    logged,
    totals::{self, Totals},
};

/// How long a look may take. Half a million rows are read and judged within some ten seconds; a database that says nothing any
/// more must not end the looking for good.
const PATIENCE: Duration = Duration::from_secs(300);

/// Rows that are read at once.
const PAGE: i64 = 5_000;

/// Rows that are changed in one transaction: it lasts some ten milliseconds, so nobody who pledges waits for it.
const RAISES_AT_ONCE: usize = 500;

/// How often one transaction is tried when others are in its way.
const ATTEMPTS: u32 = 5;

/// Pause after the first of those; longer after each.
const CONFLICT_PAUSE: Duration = Duration::from_millis(20);

/// Clusters are looked for so often, whatever is held: a moderator finds a wave within a minute. Nobody is held by such a look, because
/// what looks certain must look so twice, some time apart.
const CLUSTERS_EVERY: Duration = Duration::from_secs(20);

/// After a look it rests so many times as long as that took.
const REST: u32 = 10;

/// And no longer than this where it took long because it had to wait for a processor itself: in an attack a wave is still to be found within a minute.
const LONGEST_REST: Duration = Duration::from_secs(40);

/// Of the thread that judges: a quarter of a processor's time beside one thread of those who answer, all of it where nobody wants it.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// It is asked so often who has confirmed, and whenever somebody may be held: half a million rows are read for it, and pledges wait meanwhile.
const CONFIRMED_EVERY: TimeDelta = TimeDelta::minutes(2);

/// What a look may have missed of letters that were being answered.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);

/// What is known of a campaign, and up to which row.
#[derive(Default)]
struct Known {
    waves: Waves,
    seen: Uuid,
    /// When it was last asked who had confirmed.
    asked_at: Option<DateTime<Utc>>,
}

/// When it is to be judged who is held.
struct Turn {
    every: Duration,
    /// When it was begun for the last time.
    judged: Instant,
}

impl Turn {
    fn is_due(&self, now: Instant) -> bool {
        now - self.judged >= self.every
    }

    /// A look that was to judge has ended. Where another instance was at it, perhaps for clusters alone, nobody was judged.
    fn looked(&mut self, began: Instant, held: Option<usize>) {
        if held.is_some() {
            self.judged = began;
        }
    }
}

/// The job.
pub struct Watch {
    database: Database,
    campaigns: Campaigns,
    totals: Totals,
    known: HashMap<Uuid, Known>,
}

impl Watch {
    /// Over the pledges of all open campaigns.
    pub fn new(database: Database, campaigns: Campaigns, totals: Totals) -> Self {
        Self { database, campaigns, totals, known: HashMap::new() }
    }

    /// Looks again and again until `stop` is cancelled.
    pub async fn run(mut self, every: Duration, stop: CancellationToken) {
        let mut turn = Turn { every, judged: Instant::now() };
        let (mut failing, mut rest) = (false, every.min(CLUSTERS_EVERY));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
            let began = Instant::now();
            let judging = turn.is_due(began);
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = timeout(PATIENCE, self.look(judging)) => looked.unwrap_or(Err(DbError::Unavailable)),
            };
            if judging && let Ok(looked) = &looked {
                turn.looked(began, *looked);
            }
            rest = every.min(CLUSTERS_EVERY).max((began.elapsed() * REST).min(LONGEST_REST));
            match looked {
                Ok(_) => failing = false,
                // The publisher of the totals says it when the database is away.
                Err(DbError::Unavailable | DbError::Conflict) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(error = %logged::cause(error), "waves can't be looked for: nothing is held later");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Looks once, if no other instance is at it: for clusters, and `judging` for those who are to be held. How many were; None: another
    /// instance is at it.
    ///
    /// # Errors
    /// Those of the database; the next look goes on from there.
    pub async fn look(&mut self, judging: bool) -> Result<Option<usize>, DbError> {
        let mut connection = self.database.open_direct().await?;
        // The lock is the connection's and ends with it.
        if !store::try_lock(&mut connection).await? {
            return Ok(None);
        }
        let open: Vec<_> = self.campaigns.all().into_iter().filter(|campaign| campaign.state == State::Open).collect();
        self.known.retain(|id, _| open.iter().any(|campaign| campaign.id == *id));
        let ids: Vec<Uuid> = open.iter().map(|campaign| campaign.id).collect();
        store::keep_clusters_of(&mut connection, &ids).await?;
        let (mut held, mut failed) = (0, None);
        for campaign in open {
            // One campaign's trouble is not the others'.
            match self.look_at(&mut connection, &campaign, judging).await {
                Ok(more) => held += more,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if held > 0 {
            tracing::warn!(count = held, "pledges that belong to a wave are held");
            self.totals.changed();
        }
        failed.map_or(Ok(Some(held)), Err)
    }

    async fn look_at(
        &mut self,
        connection: &mut Connection,
        campaign: &Campaign,
        judging: bool,
    ) -> Result<usize, DbError> {
        let mut known = self.known.remove(&campaign.id).unwrap_or_default();
        let looked = look_at(connection, campaign, &mut known, judging).await;
        self.known.insert(campaign.id, known);
        looked
    }
}

async fn look_at(
    connection: &mut Connection,
    campaign: &Campaign,
    known: &mut Known,
    judging: bool,
) -> Result<usize, DbError> {
    let now: DateTime<Utc> = store::now(connection).await?;
    loop {
        let rows = store::since(connection, campaign.id, known.seen, PAGE).await?;
        for row in &rows {
            known.waves.push(row);
            known.seen = row.id;
        }
        if i64::try_from(rows.len()).unwrap_or(PAGE) < PAGE {
            break;
        }
    }
    if let Some(oldest) = known.waves.oldest() {
        if judging || known.asked_at.is_none_or(|at| now - at >= CONFIRMED_EVERY) {
            let asked = known.asked_at.map(|at| at - OVERLAP);
            for id in store::confirmed(connection, campaign.id, oldest, asked).await? {
                known.waves.confirm(id);
            }
            known.asked_at = Some(now);
        }
        let gone = store::gone(connection, campaign.id, oldest).await?;
        known.waves.settle(&gone, &store::accepted(connection, campaign.id, oldest).await?);
    }
    let counted = totals::deltas::store::exact(connection, campaign.id).await?;
    // Should it break off, nothing is known any more, and the rows are read again.
    let mut taken = std::mem::take(known);
    let judged = behind_others(move || {
        let raises = if judging { taken.waves.judge(now) } else { Vec::new() };
        let clusters = taken.waves.clusters(now, &counted);
        (taken, raises, clusters)
    });
    let (raises, clusters);
    (*known, raises, clusters) = judged.await.ok_or(DbError::Defect("the look for waves broke off"))?;
    // As of the beginning: what was removed meanwhile may be in it still.
    store::put_clusters(connection, campaign.id, &clusters, now, (known.waves.len(), known.waves.since())).await?;
    let mut held = 0;
    for raises in raises.chunks(RAISES_AT_ONCE) {
        held += raise(connection, campaign, raises).await?;
        // What isn't stored is told again at the next look.
        known.waves.keep(raises);
    }
    Ok(held)
}

/// On a thread of its own that leaves the processor to whoever answers: half a million rows take a second, and pledges would wait for it. None: it
/// broke off.
async fn behind_others<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, told) = oneshot::channel();
    let behind = move || {
        // Elsewhere this would be the priority of the whole process.
        #[cfg(target_os = "linux")]
        if rustix::process::getpriority_process(None).is_ok_and(|nice| nice < NICE) {
            let _ = rustix::process::setpriority_process(None, NICE);
        }
        // Whoever asked may have gone.
        let _ = done.send(work());
    };
    thread::Builder::new().name("waves".into()).spawn(behind).ok()?;
    told.await.ok()
}

/// Moderators and retention lock rows in another order: whoever was in the way is gone the next time.
async fn raise(connection: &mut Connection, campaign: &Campaign, raises: &[Raise]) -> Result<usize, DbError> {
    let mut attempts = 0;
    loop {
        match store::raise(connection, campaign, raises).await {
            Err(error) if error.is_conflict() && attempts + 1 < ATTEMPTS => attempts += 1,
            ended => return ended,
        }
        tokio::time::sleep(CONFLICT_PAUSE * attempts).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_another_instance_made_for_clusters_is_no_judgement() {
        let (begin, every) = (Instant::now(), Duration::from_secs(600));
        let mut turn = Turn { every, judged: begin };
        assert!(!turn.is_due(begin + every / 2));
        turn.looked(begin + every, None);
        assert!(turn.is_due(begin + every + CLUSTERS_EVERY), "it tries again at the next look");
        turn.looked(begin + every + CLUSTERS_EVERY, Some(0));
        assert!(!turn.is_due(begin + every * 2));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_judges_stands_behind_others_and_is_missed_when_it_breaks_off() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        assert_eq!(behind_others(nice).await, Some(before.max(NICE)));
        assert_eq!(nice(), before, "only that thread");
        assert_eq!(behind_others(|| panic!("as it should")).await, None::<()>);
    }
}
