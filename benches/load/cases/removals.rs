//! Removal of what a search finds, and its undo, while pledges arrive: through the API as moderators do it, against a bare `UPDATE` of
//! the same rows. Whoever changes a row moves it, and rows that were moved lie side by side, where they are changed faster; so the
//! service and the bare statement take turns in who is first, and each is compared with the other in the same turn.

mod turns;

use anyhow::Context;
use pledges::crypto::random_bytes;
use serde_json::{Value, json};

use self::turns::{Bare, Ours, Turns, Wave};
use super::varied;
use crate::{
    api::Api,
    figures::{count, median, ms, per_second},
    lab::{CAMPAIGN, Lab, Stage},
    recount::Samples,
    steady::Meanwhile,
    table::{Report, Row},
};

/// Rows, unless somebody says how many.
const ROWS: usize = 1_000_000;

/// One in so many is removed, unless somebody says how many.
const SHARE: usize = 200;

/// At the least: fewer are put back at once, without the worker.
const LEAST: usize = 1_500;

/// The removal, and its undo, is as fast as this share of the bare statement.
const WANTED_RATIO: f64 = 0.5;

/// Pledges wait so many times as long meanwhile, at the most (p99).
const WANTED_TIMES: f64 = 2.0;

/// Figures of all rounds.
#[derive(Default)]
struct Found {
    alone: Vec<Meanwhile>,
    /// Of the service and of the bare statement: those of turns in which they came first, and those in which they came second.
    ours: [Vec<Ours>; 2],
    bare: [Vec<Bare>; 2],
    untold: Vec<Bare>,
    samples: Samples,
}

/// Measures by turns.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let rows = varied::prepare(lab, lab.options.rows.unwrap_or(ROWS)).await?;
    let size = lab.options.removed.unwrap_or(rows / SHARE).max(LEAST);
    let stage = lab.stage_on("removals", varied::VARIED).await?;
    // As many turns of one kind as of the other, and one in which all rows are counted all the time.
    let rounds = lab.options.rounds.next_multiple_of(2);
    let waves = waves(&stage, size, usize::try_from(rounds)? + 1).await?;
    let (first, timed) = waves.split_first().context("no rows to remove")?;
    let mut turns = Turns { api: Api::sign_in(&stage).await?, stage: &stage, rate: lab.options.rate };
    let mut found = Found::default();
    // First, because a server that has just been started is slow, whoever asks.
    turns.choose(first).await?;
    let counted = turns.ours(first, true).await?;
    for (number, wave) in timed.iter().enumerate() {
        found.alone.push(turns.alone(lab.options.seconds).await?);
        turns.choose(wave).await?;
        let [ours_at, bare_at] = if number % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in 0..2 {
            if place == ours_at {
                let ours = turns.ours(wave, false).await?;
                found.samples.add(&ours.samples);
                found.ours.get_mut(ours_at).context("two places")?.push(ours);
            } else {
                found.bare.get_mut(bare_at).context("two places")?.push(turns.bare(true).await?);
            }
        }
        found.untold.push(turns.bare(false).await?);
    }
    // Before and after each removal they are counted too.
    let whole = counted.samples.taken + 2 * timed.len();
    found.samples.add(&counted.samples);
    add(report, &found, rows, size, whole, lab.options.rate);
    stage.clear(report).await
}

/// Parts of the time in which the country with most pledges has so many each, beginning at a random one: in a directory that is kept
/// others were moved by the runs before. Where it has too few, pledges from everywhere.
async fn waves(stage: &Stage<'_>, size: usize, wanted: usize) -> anyhow::Result<Vec<Wave>> {
    let largest = "SELECT country FROM country_totals ORDER BY counted DESC LIMIT 1";
    let country: String = stage.postgres.query_one(largest, &[]).await?.get(0);
    let mut all = parts(stage, size, Some(country)).await?;
    if all.len() < wanted {
        all = parts(stage, size, None).await?;
    }
    let spare = all.len().checked_sub(wanted);
    let spare = spare.with_context(|| {
        format!("there are {} times {} pledges, and {wanted} times are needed", all.len(), count(size))
    })?;
    let first = usize::from(u16::from_le_bytes(random_bytes()?)) % (spare + 1);
    Ok(all.into_iter().skip(first).take(wanted).collect())
}

async fn parts(stage: &Stage<'_>, size: usize, country: Option<String>) -> anyhow::Result<Vec<Wave>> {
    let sql = "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM \
         (SELECT created_at AS at, row_number() OVER (ORDER BY created_at) AS number FROM pledges \
           WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = $1) AND ($2::text IS NULL OR country = $2) \
             AND state IN ('counted', 'held', 'awaiting') AND created_at < now() - interval '1 hour') AS each \
         WHERE (number - 1) % $3 = 0 ORDER BY at";
    let bounds = stage.postgres.query(sql, &[&CAMPAIGN, &country, &i64::try_from(size)?]).await?;
    let bounds: Vec<String> = bounds.iter().map(|row| row.get(0)).collect();
    let wave = |(from, to): (&String, &String)| Wave { country: country.clone(), from: from.clone(), to: to.clone() };
    Ok(bounds.iter().zip(bounds.iter().skip(1)).map(wave).collect())
}

fn add(report: &mut Report, found: &Found, rows: usize, size: usize, whole: usize, rate: u32) {
    let what = format!("removal of about {} of {} by a search", count(size), count(rows));
    let [ours_first, ours_second] = &found.ours;
    let [bare_first, bare_second] = &found.bare;
    let pairs =
        [("rows as they lay", ours_first, bare_first), ("rows that had just been moved", ours_second, bare_second)];
    for (how, ours, bare) in pairs {
        let (removed, updated) = (speeds(ours, |one| one.removal.a_second), speeds(bare, |one| one.removal.a_second));
        report.add(compared(format!("{what}, {how}"), &removed, "bare UPDATE", &updated));
    }
    let all_ours = || ours_first.iter().chain(ours_second);
    let all_bare = || bare_first.iter().chain(bare_second);
    let undone: Vec<f64> = all_ours().map(|one| one.undo.a_second).collect();
    let put_back: Vec<f64> = all_bare().map(|one| one.undo.a_second).collect();
    report.add(compared("its undo".to_owned(), &undone, "bare UPDATE back", &put_back));
    let untold = speeds(&found.untold, |one| one.removal.a_second);
    let second = speeds(ours_second, |one| one.removal.a_second);
    let row = Row::new("the removal of moved rows, beside", format!("rows: {}", per_second(median(&second))));
    report.add(row.against(
        format!("bare UPDATE without triggers: {}", per_second(median(&untold))),
        median(&second) / median(&untold),
    ));
    let followed: Vec<f64> = all_ours().map(|one| one.followed_s).collect();
    report.add(Row::new("the search has followed it", format!("after {:.0} s", median(&followed))));
    let previews: Vec<f64> = all_ours().map(|one| one.preview_ms).collect();
    report.add(Row::new("the preview before it", ms(median(&previews))));
    add_pledges(report, found, rate);
    let Samples { taken, wrong, told } = &found.samples;
    let samples = format!("{taken} samples meanwhile, {whole} of them of all rows; {wrong} wrong {}", told.join("; "));
    report.add(Row::new("totals against a recount in one snapshot", samples.trim_end()).wants("0 wrong", *wrong == 0));
    // A difference ends the case.
    report.add(Row::new("rows removed, and all rows after the undo", "exactly those").wants("the same", true));
    report.add_raw(raw(found, rows, size, whole, rate));
}

fn speeds<T>(all: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    all.iter().map(of).collect()
}

fn compared(what: String, ours: &[f64], with: &str, bare: &[f64]) -> Row {
    let ratio = median(ours) / median(bare);
    Row::new(what, format!("rows: {}", per_second(median(ours))))
        .against(format!("{with}: {}", per_second(median(bare))), ratio)
        .at_least(WANTED_RATIO)
}

fn p99s<'a>(all: impl Iterator<Item = &'a Meanwhile>) -> Vec<f64> {
    all.map(|one| one.latencies.percentile_ms(99)).collect()
}

fn add_pledges(report: &mut Report, found: &Found, rate: u32) {
    let alone = p99s(found.alone.iter());
    let p50s: Vec<f64> = found.alone.iter().map(|one| one.latencies.percentile_ms(50)).collect();
    let rate = count(usize::try_from(rate).unwrap_or(0));
    let times = format!("p50 {}, p99 {}", ms(median(&p50s)), ms(median(&alone)));
    report.add(Row::new(format!("{rate} pledges/s alone"), times));
    let ours = || found.ours.iter().flatten();
    let bare = || found.bare.iter().flatten();
    let against = format!("alone: p99 {}", ms(median(&alone)));
    let meanwhile = [
        ("while it removes", p99s(ours().map(|one| &one.removal.meanwhile)), true),
        ("while it puts back", p99s(ours().map(|one| &one.undo.meanwhile)), true),
        ("while the bare UPDATE removes", p99s(bare().map(|one| &one.removal.meanwhile)), false),
    ];
    for (when, p99s, is_wanted) in meanwhile {
        let times = median(&p99s) / median(&alone);
        let row = Row::new(format!("the same {when}"), format!("p99 {}", ms(median(&p99s)))).against(&against, times);
        report.add(if is_wanted { row.wants(format!("≤ {WANTED_TIMES} ×"), times <= WANTED_TIMES) } else { row });
    }
}

fn raw(found: &Found, rows: usize, size: usize, whole: usize, rate: u32) -> Value {
    let work = |work: &turns::Work| {
        json!({
            "rows": work.rows, "seconds": work.meanwhile.time.as_secs_f64(), "a_second": work.a_second,
            "pledges": work.meanwhile.latencies.count(), "p50_ms": work.meanwhile.latencies.percentile_ms(50),
            "p99_ms": work.meanwhile.latencies.percentile_ms(99), "max_ms": work.meanwhile.latencies.max_ms(),
            "late_ms": work.meanwhile.late_ms,
        })
    };
    let ours = |all: &[Ours]| -> Vec<Value> {
        let one = |one: &Ours| {
            json!({ "removal": work(&one.removal), "undo": work(&one.undo), "preview_ms": one.preview_ms, "followed_s": one.followed_s,
                "samples": one.samples.taken, "wrong": one.samples.wrong })
        };
        all.iter().map(one).collect()
    };
    let bare = |all: &[Bare]| -> Vec<Value> {
        all.iter().map(|one| json!({ "removal": work(&one.removal), "undo": work(&one.undo) })).collect()
    };
    let [ours_first, ours_second] = &found.ours;
    let [bare_first, bare_second] = &found.bare;
    let alone: Vec<f64> = p99s(found.alone.iter());
    json!({
        "case": "removals", "rows": rows, "size": size, "rate": rate, "alone_p99_ms": alone, "first": ours(ours_first),
        "second": ours(ours_second), "bare_first": bare(bare_first), "bare_second": bare(bare_second),
        "bare_without_triggers": bare(&found.untold), "samples": found.samples.taken, "of_all_rows": whole,
        "wrong": found.samples.wrong,
    })
}
