//! The data that moderators' search and removals are measured on: many pledges of every kind. They are stored by `pledges seed`, so they
//! are as large as real ones and counted with them, and a trigger that is there only meanwhile gives each what the gate, partners and
//! moderators would have: common values, middling and rare ones, and some that only old pledges have.

use std::time::Duration;

use anyhow::{Context, ensure};
use diesel_async::SimpleAsyncConnection;
use pledges::{
    crypto::KeyRing,
    db::Database,
    gate::signals::Signal,
    moderation::search::filler::{
        LATE,
        store::{self as filler, Followed, Start, Step},
    },
    pledges::eye::TagKeys,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client as Postgres;

use crate::{
    figures::count,
    lab::{CAMPAIGN, Lab, Stage},
    out::tell,
};

/// The database; in a directory that is kept it is there at the next run.
pub const VARIED: &str = "bench_varied";

/// Partners. The first one has pledges at the beginning only.
const PARTNERS: usize = 40;

/// Removals that took something out, each within its own part of the time.
const REMOVALS: usize = 40;

/// Who removed: nobody can sign in.
const MODERATOR: &str = "bench-before";

/// Pledges that are taken into the search between two lines of progress.
const TOLD_EVERY: usize = 1_000_000;

/// How long the service may take to follow what has come and changed, once nothing does.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(600);

/// Makes sure that at least so many pledges are stored and can be found. How many there are.
pub async fn prepare(lab: &Lab, rows: usize) -> anyhow::Result<usize> {
    let known = lab.admin().await?.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&VARIED]).await?;
    if known.is_none() {
        lab.clone_template(VARIED).await?;
    }
    let postgres = lab.connect(VARIED).await?;
    // Of a run that was killed.
    postgres.batch_execute("DROP TRIGGER IF EXISTS bench_vary ON pledges").await?;
    let missing = rows.saturating_sub(Stage::count(&postgres).await?);
    if missing > 0 {
        tell(&format!("varied    seeding {} rows; this takes a while", count(missing)));
        store(lab, &postgres, rows, missing).await?;
    }
    let chunks: i64 = postgres.query_one("SELECT count(*) FROM search_chunks", &[]).await?.get(0);
    if missing > 0 || usize::try_from(chunks)? < rows / LARGEST_CHUNK {
        postgres.batch_execute(FORGET).await?;
    }
    index(lab).await?;
    // What PostgreSQL and retention would do by themselves at some time, perhaps while something is measured.
    for sql in [
        "VACUUM (ANALYZE) pledges",
        "VACUUM (ANALYZE) pledge_search",
        "VACUUM search_changes",
        "ANALYZE",
        "UPDATE retention_progress SET vacuumed_at = now()",
        "CHECKPOINT",
    ] {
        postgres.batch_execute(sql).await?;
    }
    Stage::count(&postgres).await
}

/// Rows of a chunk of the search where ids came in their order; twice as many as they have otherwise.
const LARGEST_CHUNK: usize = 131_072;

/// As pledges come, ids come in their order, and chunks of the search with them. Seeded ones are older than those of the demo: followed as
/// changes all of them would fall into the first chunk. So the search is made anew, in order.
const FORGET: &str = "TRUNCATE search_changes, pledge_search, search_counts, search_chunks; \
     UPDATE search_progress SET seen = '00000000-0000-0000-0000-000000000000'";

async fn store(lab: &Lab, postgres: &Postgres, rows: usize, missing: usize) -> anyhow::Result<()> {
    let url = lab.postgres().database_url(VARIED);
    let run = async |arguments: &[&str]| lab.program.run(&lab.var_dir("seed"), Some(&url), arguments).await;
    // What is held and what has a review copy stays as it is, however long the directory is kept.
    run(&["campaign", "set", CAMPAIGN, "--review-days", "3650"]).await?;
    for number in ids(postgres, "SELECT id::text FROM partners").await?.len()..PARTNERS {
        run(&["partner", "add", CAMPAIGN, &format!("Bench {number}")]).await?;
    }
    let has_moderator = postgres.query_opt("SELECT FROM moderators WHERE login = $1", &[&MODERATOR]).await?;
    if has_moderator.is_none() {
        run(&["moderator", "add", MODERATOR, "--role", "admin"]).await?;
        postgres.batch_execute(&removals()).await?;
    }
    let partners = ids(postgres, "SELECT id::text FROM partners ORDER BY id").await?;
    let removals = ids(postgres, "SELECT id::text FROM removals WHERE note = 'bench' ORDER BY id").await?;
    postgres.batch_execute(&trigger(rows, &partners, &removals)).await?;
    let mut command = lab.program.command(&lab.var_dir("seed"), Some(&url));
    command.args(["seed", "--rows", &missing.to_string()]).stdout(std::io::stderr());
    let status = command.status().await.context("the program can't be run")?;
    postgres.batch_execute("DROP TRIGGER bench_vary ON pledges; DROP FUNCTION bench_vary").await?;
    ensure!(status.success(), "seeding failed");
    postgres.batch_execute(TOLD).await?;
    Ok(())
}

/// How many each removal took out, as if it had.
const TOLD: &str = "UPDATE removals SET pledges = taken.pledges, counted = taken.pledges FROM \
     (SELECT removal_id, count(*) AS pledges FROM pledges WHERE removal_id IS NOT NULL GROUP BY 1) AS taken \
     WHERE removals.id = removal_id AND note = 'bench'";

async fn ids(postgres: &Postgres, sql: &str) -> anyhow::Result<Vec<String>> {
    Ok(postgres.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

fn removals() -> String {
    format!(
        "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges) \
         SELECT gen_random_uuid(), campaigns.id, moderators.id, 'bot', 'bench', 0 \
         FROM campaigns, moderators, generate_series(1, {REMOVALS}) WHERE slug = '{CAMPAIGN}' AND login = '{MODERATOR}'"
    )
}

/// What makes each row another one. Counts are right all the same: `pledges seed` counts what its statement says that it has stored.
fn trigger(rows: usize, partners: &[String], removals: &[String]) -> String {
    let (partners, removals) = (partners.join(","), removals.join(","));
    // Those that the service gives by itself when somebody settles a pledge would say something that isn't so.
    let settled = [Signal::Accepted, Signal::Unreviewed, Signal::Switch];
    let signals: Vec<String> = Signal::ALL
        .iter()
        .filter(|signal| !settled.contains(signal))
        .map(|signal| signal.bit().bits().to_string())
        .collect();
    let signals = signals.join(",");
    format!(
        "CREATE OR REPLACE FUNCTION bench_vary() RETURNS trigger LANGUAGE plpgsql AS $$ \
         DECLARE \
           dice float8 := random(); \
           partners uuid[] := '{{{partners}}}'; \
           removals uuid[] := '{{{removals}}}'; \
           signals integer[] := '{{{signals}}}'; \
           part float8 := extract(epoch FROM now() - NEW.created_at) / 2592000; \
         BEGIN \
           NEW.source_tag := CASE WHEN random() < 0.05 THEN hashint8extended((random() * 200)::bigint, 1) \
             ELSE hashint8extended((random() * {rows} / 3)::bigint, 2) END; \
           NEW.domain_tag := hashint8extended((random() ^ 4 * 5000)::bigint, 3); \
           NEW.name_tag := hashint8extended((random() * random() * {rows} / 2)::bigint, 4); \
           NEW.shape_tag := hashint8extended((random() ^ 2 * 2000)::bigint, 5); \
           NEW.signals := signals[1 + floor(random() ^ 2 * cardinality(signals))::int]; \
           IF random() < 0.5 THEN NEW.signals := NEW.signals | {fast}; END IF; \
           IF random() < 0.3 THEN NEW.score := (random() ^ 3 * 400)::int; NEW.signals := NEW.signals | {message}; END IF; \
           IF random() < 0.3 THEN NEW.partner_id := partners[2 + floor(random() ^ 2 * (cardinality(partners) - 1))::int]; END IF; \
           IF random() < 0.01 THEN NEW.language := (ARRAY['cy', 'eo', 'ga', 'mt', 'qu', 'sw'])[1 + floor(random() ^ 2 * 6)::int]; END IF; \
           IF part > 0.85 AND random() < 0.02 THEN NEW.country := 'MV'; NEW.partner_id := partners[1]; END IF; \
           IF dice < 0.025 THEN \
             NEW.state := 'removed'; NEW.state_before := 'counted'; \
             NEW.removal_id := removals[1 + floor(least(greatest(part, 0), 0.999) * cardinality(removals))::int]; \
           ELSIF dice < 0.04 THEN NEW.state := 'held'; NEW.counted_at := NULL; \
           ELSIF dice < 0.2 AND part < 0.03 THEN NEW.state := 'awaiting'; NEW.counted_at := NULL; \
           ELSIF dice > 0.99 THEN \
             NEW.state := 'withdrawn'; NEW.withdrawn_at := NEW.created_at; NEW.erased_at := NEW.created_at; \
             NEW.sealed_record := NULL; NEW.sealed_for_partner := NULL; NEW.sealed_review := NULL; \
             NEW.source_tag := NULL; NEW.domain_tag := NULL; NEW.name_tag := NULL; NEW.shape_tag := NULL; \
           END IF; \
           RETURN NEW; \
         END $$; \
         CREATE OR REPLACE TRIGGER bench_vary BEFORE INSERT ON pledges FOR EACH ROW EXECUTE FUNCTION bench_vary()",
        fast = Signal::Under20Seconds.bit().bits(),
        message = Signal::WithMessage.bit().bits(),
    )
}

/// Fills moderators' search as the service does, but without its rests.
async fn index(lab: &Lab) -> anyhow::Result<()> {
    let url = SecretString::from(lab.postgres().database_url(VARIED));
    let mut connection = Database::new(&url, 1)?.open_direct().await?;
    connection.batch_execute("SET synchronous_commit = off; SET statement_timeout = 0").await?;
    let campaigns = filler::campaigns(&mut connection).await?;
    let (mut steps, began) = (0, Instant::now());
    for campaign in campaigns {
        let mut start = Start::Before(LATE);
        while let Step::More(last) = filler::take_new(&mut connection, campaign, start, filler::ROWS_AT_ONCE).await? {
            (start, steps) = (Start::Behind(last), steps + 1);
            if (steps * 1_000_usize).is_multiple_of(TOLD_EVERY) {
                let seconds = began.elapsed().as_secs_f64();
                tell(&format!("varied    {} rows can be found, after {seconds:.0} s", count(steps * 1_000)));
            }
        }
    }
    let mut floor = 0;
    while let Some(Followed { last, more: true, .. }) =
        filler::take_changes(&mut connection, floor, filler::ROWS_AT_ONCE).await?
    {
        floor = last;
    }
    Ok(())
}

/// Words that stand on the wall, the first ones most often.
pub const WORDS: u64 = 5_000;

/// The nth of them, as it is written.
pub fn word(number: u64) -> String {
    format!("word{number}")
}

/// Puts one in a hundred of the pledges that count onto the public wall, with a dozen words each, unless there is one.
pub async fn fill_wall(lab: &Lab, postgres: &Postgres) -> anyhow::Result<()> {
    if postgres.query_one("SELECT EXISTS (SELECT FROM wall_words)", &[]).await?.get(0) {
        return Ok(());
    }
    tell("varied    filling the public wall");
    let campaign: String =
        postgres.query_one("SELECT id::text FROM campaigns WHERE slug = $1", &[&CAMPAIGN]).await?.get(0);
    let (campaign, keys) = (campaign.parse()?, TagKeys::new(&KeyRing::parse(lab.program.root_secret.expose_secret())?));
    let tags: Vec<i64> = (0..WORDS).flat_map(|number| keys.of_word(campaign, &word(number))).collect();
    let entries = "INSERT INTO wall_entries (pledge_id, campaign_id, token, state, message, day) \
         SELECT id, campaign_id, gen_random_uuid(), 'shown', 'bench', current_date FROM pledges \
         WHERE state = 'counted' AND get_byte(uuid_send(id), 15) < 3 ON CONFLICT DO NOTHING";
    postgres.execute(entries, &[]).await?;
    let words = "INSERT INTO wall_words (campaign_id, word, pledge_id) \
         SELECT campaign_id, ($1::bigint[])[1 + floor(random() ^ 3 * cardinality($1::bigint[]))::int], pledge_id \
         FROM wall_entries, generate_series(1, 12) WHERE state = 'shown' ON CONFLICT DO NOTHING";
    postgres.execute(words, &[&tags]).await?;
    postgres.batch_execute("ANALYZE wall_entries, wall_words").await?;
    Ok(())
}

/// Waits until moderators' search has followed all that came and changed.
pub async fn followed(stage: &Stage<'_>) -> anyhow::Result<()> {
    let behind = "SELECT EXISTS (SELECT FROM search_changes) OR EXISTS (SELECT FROM search_progress CROSS JOIN LATERAL \
         (SELECT FROM pledges WHERE pledges.campaign_id = search_progress.campaign_id AND id > seen LIMIT 1) AS next)";
    let began = Instant::now();
    while stage.postgres.query_one(behind, &[]).await?.get(0) {
        ensure!(began.elapsed() < FOLLOWS_WITHIN, "moderators' search doesn't follow");
        sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}
