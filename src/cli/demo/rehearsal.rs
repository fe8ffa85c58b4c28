//! `pledges demo --attack`: a wave of bots among honest people, played into a campaign that is there for nothing else, so that
//! moderators can rehearse. Everything goes the way of real pledges (signals, tags, sealing, one transaction a batch); whom the
//! running service finds later is read from its database. Nobody is written to, and no other campaign is touched.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    super::{
        campaign,
        output::{complain, say},
        session::Session,
    },
    Demo,
    attack::{Group, Line, Person, Table, live::Live},
};
use crate::{
    app,
    campaigns::{
        self, Campaign, State,
        settings::{Confirmation, NewCampaign},
        switches::{self, Switch, Switched},
    },
    clock::{Clock, FixedClock},
    config::Settings,
    crypto,
    db::{Connection, DbError},
    gate::source_tags::SourceTags,
    pledges::{
        NewPledge,
        eye::{Eye, Way},
        roots,
        rules::Rules,
        sealing::{Keys, Sealing},
        store,
        submission::Submission,
        waves,
    },
    sealing::Epochs,
    tasks,
    totals::{Pace, Totals},
};

/// Rows of one transaction.
const BATCH: usize = 1_000;

/// Between two batches, and two looks at what is held.
const TICK: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_secs(5);

/// Between two lines about how far it is.
const TELL: Duration = Duration::from_secs(15);

/// Plays a wave, waits for the service to find it, and prints who is held: also when it is told to stop before the end.
pub(super) async fn run(session: &Session, settings: &Settings, demo: &Demo) -> anyhow::Result<()> {
    if !(demo.minutes > 0.0 && demo.minutes <= 600.0 && demo.after >= 0.0 && demo.after <= 600.0) {
        bail!("--minutes is more than 0, --after at least 0, and both are at most 600");
    }
    let seed = match demo.seed {
        Some(seed) => seed,
        None => u64::from(u32::from_le_bytes(crypto::random_bytes()?)),
    };
    let campaign = training(session, settings).await?;
    let live = Live::of(seed, usize::try_from(demo.pledges)?, minutes(demo.minutes))?;
    complain(&format!("playing wave {seed} into {}: {} pledges", campaign.slug, live.hour.len()));
    let mut stage = Stage::new(session, settings, campaign).await?;
    let stop = tasks::stop_signal();
    tokio::pin!(stop);
    if !stage.play(&live, minutes(demo.after), stop).await? {
        complain("stopped: what has come stays");
    }
    let totals = Totals::new(session.database.clone(), PACE, Clock::System);
    totals.catch_up().await?;
    say(stage.table().await?.to_string().trim_end());
    Ok(())
}

const PACE: Pace = Pace { look_every: Duration::from_secs(1), reread_every: Duration::ZERO };

fn minutes(minutes: f64) -> TimeDelta {
    #[expect(clippy::cast_possible_truncation, reason = "ten hours at the most")]
    TimeDelta::milliseconds((minutes * 60_000.0) as i64)
}

/// The campaign of rehearsals, made and opened unless it is there. A campaign that only has its name is somebody's, and refused.
async fn training(session: &Session, settings: &Settings) -> anyhow::Result<Campaign> {
    let new: NewCampaign = serde_json::from_str(include_str!("training.json")).context("the training campaign")?;
    let mut connection = session.database.get().await?;
    let found = campaigns::store::find(&mut connection, &new.slug).await;
    drop(connection);
    let found = match found {
        Ok(campaign) => campaign,
        Err(DbError::NotFound) => campaign::add(session, settings, &new).await?,
        Err(error) => return Err(error.into()),
    };
    if found.controller != new.controller || found.confirmation != Confirmation::None {
        bail!("the campaign {} is not the one of rehearsals: nothing made up is put into it", new.slug);
    }
    if found.state != State::Open {
        campaign::open_campaign(session, found).await?;
    }
    roots::settle(&session.database, &settings.key_ring()?).await?;
    campaign::find(session, &new.slug).await
}

/// Who came, and how.
struct Role {
    group: Group,
    at_once: bool,
}

struct Stage {
    campaign: Campaign,
    connection: Connection,
    sealing: Sealing,
    epochs: Epochs,
    clock: FixedClock,
    eye: Eye,
    rules: Rules,
    source_tags: SourceTags,
    cast: HashMap<Uuid, Role>,
}

impl Stage {
    async fn new(session: &Session, settings: &Settings, campaign: Campaign) -> anyhow::Result<Self> {
        let ring = settings.key_ring()?;
        let source_tags = SourceTags::new(session.database.clone(), &ring, Clock::System);
        source_tags.renew().await?;
        let rules = Rules::new(session.database.clone(), &ring);
        // What is shown of the countries so far is of no use here: it has only made-up ones.
        let totals = Totals::new(session.database.clone(), PACE, Clock::System);
        // The eye forgets sources by this clock, so that the day before isn't one moment.
        let clock = FixedClock::at(Clock::System.now() - TimeDelta::days(1));
        Ok(Self {
            campaign,
            connection: session.database.open_direct().await?,
            epochs: app::epochs(settings, session.database.clone(), Clock::System)?,
            eye: Eye::new(&ring, source_tags.clone(), rules.clone(), totals, Clock::Fixed(clock.clone()))?,
            rules,
            source_tags,
            sealing: Sealing::new(ring),
            clock,
            cast: HashMap::new(),
        })
    }

    /// The past at once, the hour as it comes, and then time for the service to look. False when told to stop before the end, which
    /// is only heard between two batches: none is torn.
    async fn play(
        &mut self,
        live: &Live,
        after: TimeDelta,
        mut stop: Pin<&mut impl Future<Output = io::Result<()>>>,
    ) -> anyhow::Result<bool> {
        self.past(live).await?;
        let (began, mut told, mut come) = (Instant::now(), Instant::now(), 0);
        let mut ticks = tokio::time::interval(TICK);
        while come < live.hour.len() {
            tokio::select! {
                _ = &mut stop => return Ok(false),
                _ = ticks.tick() => {}
            }
            let passed = TimeDelta::from_std(began.elapsed())?;
            let due = live.hour.get(come..).unwrap_or_default().iter().take(BATCH);
            let due: Vec<&Person> = due.take_while(|(at, _)| *at <= passed).map(|(_, person)| person).collect();
            self.renew().await?;
            self.send(&due, Clock::System.now()).await?;
            come += due.len();
            if told.elapsed() >= TELL {
                complain(&format!("{come} of {} pledges have come, {}", live.hour.len(), self.held().await?));
                told = Instant::now();
            }
        }
        complain(&format!("all have come, {}; waiting for the service to look", self.held().await?));
        let ended = Instant::now();
        while TimeDelta::from_std(ended.elapsed())? < after {
            tokio::select! {
                _ = &mut stop => return Ok(false),
                () = tokio::time::sleep(LOOK.min(after.to_std()?)) => {}
            }
            if told.elapsed() >= TELL {
                complain(&self.held().await?);
                told = Instant::now();
            }
        }
        Ok(true)
    }

    /// Whoever practises may block meanwhile, and hold everything; and midnight may come. The other switches ask something of whom there
    /// is nobody to ask: mails, proofs of work, a partner.
    async fn renew(&mut self) -> anyhow::Result<()> {
        self.rules.renew().await?;
        self.source_tags.renew().await?;
        let on = switches::store::in_force(&mut self.connection).await?;
        self.campaign.switched = Switched::default();
        if on.contains(&(self.campaign.id, Switch::HoldAll)) {
            self.campaign.switch(Switch::HoldAll);
        }
        Ok(())
    }

    /// Honest people of the day before, unless somebody was here within it.
    async fn past(&mut self, live: &Live) -> anyhow::Result<()> {
        if !waves::store::since(&mut self.connection, self.campaign.id, Uuid::nil(), 1).await?.is_empty() {
            return Ok(());
        }
        let now = Clock::System.now();
        let mut past: Vec<_> = live.past.iter().map(|(before, person)| (now - *before, person)).collect();
        past.sort_by_key(|(at, _)| *at);
        for batch in past.chunks(BATCH) {
            let keys = Keys::current(&self.epochs, &self.campaign, None).await?;
            let mut rows = Vec::new();
            for (at, person) in batch {
                rows.push((self.pledge(person, *at, &keys)?, *at));
            }
            rows.sort_by_key(|(row, _)| row.fingerprint);
            store::insert_at(&mut self.connection, &rows).await?;
        }
        Ok(())
    }

    async fn send(&mut self, people: &[&Person], now: DateTime<Utc>) -> anyhow::Result<()> {
        if people.is_empty() {
            return Ok(());
        }
        let keys = Keys::current(&self.epochs, &self.campaign, None).await?;
        let mut rows = Vec::new();
        for person in people {
            let row = self.pledge(person, now, &keys)?;
            self.cast.insert(row.id, Role { group: person.group, at_once: row.seen.held });
            rows.push(row);
        }
        rows.sort_by_key(|row| row.fingerprint);
        let rows: Vec<&NewPledge> = rows.iter().collect();
        store::insert(&mut self.connection, &rows).await?;
        Ok(())
    }

    /// What the service would make of it.
    fn pledge(&self, person: &Person, at: DateTime<Utc>, keys: &Keys) -> anyhow::Result<NewPledge> {
        let clock = Clock::Fixed(self.clock.clone());
        self.clock.advance(at - clock.now());
        let submission = Submission {
            name: person.name.clone(),
            email: Some(format!("{}@{}", person.local, person.domain)),
            country: Some(person.country.to_string()),
            message: person.message.clone(),
            language: Some(person.language.clone()),
            source: Some(format!("page {}", person.page)),
            website: person.honeypot.then(|| "https://example.org".to_owned()),
            ..Submission::default()
        };
        let checked = submission.check(&self.campaign);
        let checked = checked.map_err(|_| anyhow::anyhow!("the training campaign asks for other fields"))?;
        let begun_at = person.elapsed.and_then(|elapsed| Some(at - TimeDelta::from_std(elapsed).ok()?));
        let way = Way { source: Some(source(person)), begun_at, script: person.script, partner: None };
        let id = Uuid::new_v7(Timestamp::from_unix(
            NoContext,
            u64::try_from(at.timestamp()).unwrap_or(0),
            at.timestamp_subsec_nanos(),
        ));
        let mut pledge = self.sealing.prepare(id, &self.campaign, &checked, None, keys)?;
        pledge.seen = self.eye.look(&self.campaign, &checked, &submission, way).under(self.campaign.switched);
        Ok(pledge)
    }

    async fn held(&mut self) -> anyhow::Result<String> {
        let table = self.table().await?;
        let honest: u32 = table.honest().map(|(_, line)| line.held).sum();
        Ok(format!("{} bots and {honest} people are held", table.bots().held))
    }

    /// Who is held (or removed, by a moderator who was quick), as the database says.
    async fn table(&mut self) -> anyhow::Result<Table> {
        let ids: Vec<Uuid> = self.cast.keys().copied().collect();
        let mut table = Table::default();
        for (id, caught) in waves::store::fates(&mut self.connection, &ids).await? {
            let Some(role) = self.cast.get(&id) else { continue };
            let line: &mut Line = table.lines.entry(role.group).or_default();
            line.people += 1;
            line.held += u32::from(caught);
            line.held_at_once += u32::from(role.at_once);
        }
        Ok(table)
    }
}

/// As the service knows a source: an address of version 4, the half of one of version 6.
fn source(person: &Person) -> IpAddr {
    match person.source {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::from(u64::MAX) << 64)).into(),
        version_4 @ IpAddr::V4(_) => version_4,
    }
}
