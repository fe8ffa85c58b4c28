//! The shelf of the worker: each step is a transaction of rows, deltas, quota, progress and, at the end, the entry in the log.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, SmallInt, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::{
        self,
        quota::{self, QuotaError},
    },
    db::{ByText, Connection, DbError, Prepared, schema::pledges},
    moderation::{
        removals::{
            PausedBecause,
            by_search::{
                kept,
                store::{REMOVABLE, counts, record, removable, spared},
            },
            store::{Changed, IN_ORDER, RETURNING, by_country, counted, in_order, put_back, uncounted},
            walk::{self, Place, Walk},
            worker::paused::store::stop,
        },
        search::store::{changing, prepare},
    },
    totals::{self, deltas::ByMinute},
};

/// Candidates that are read together.
const PAGE: usize = 10_000;

/// Why a step has changed nothing.
#[derive(Debug)]
pub enum StepError {
    /// The account for which this removal runs may remove only so many more today: fewer than the step would have.
    Spent {
        /// The removal.
        removal: Uuid,
        /// Pledges.
        left: i64,
    },
    /// The database, and what was being worked on.
    Database(Option<Uuid>, DbError),
}

impl From<DbError> for StepError {
    fn from(error: DbError) -> Self {
        Self::Database(None, error)
    }
}

impl From<diesel::result::Error> for StepError {
    fn from(error: diesel::result::Error) -> Self {
        DbError::from(error).into()
    }
}

/// Candidates of a removal that were read and not looked at yet.
#[derive(Debug)]
pub struct Loaded {
    /// Where they begin: good only as long as nobody else has gone on.
    at: Place,
    candidates: VecDeque<(Uuid, Place)>,
    next: Option<Place>,
}

/// What a step did.
#[derive(Debug, Default)]
pub struct Went {
    /// For the next ones, by removal.
    pub loaded: HashMap<Uuid, Loaded>,
    /// Candidates of the step after the next one.
    pub ahead: Vec<Uuid>,
    /// Pledges that were taken out or put back.
    pub changed: i64,
    /// Deltas that anybody had appended ever, when it began.
    pub deltas: i64,
    /// Deltas that it appended.
    pub appended: i64,
}

/// What the steps before have told.
#[derive(Debug, Default)]
pub struct Known {
    /// How many pledges the step may change.
    pub rows: usize,
    /// Candidates that were read and not looked at yet, by removal.
    pub loaded: HashMap<Uuid, Loaded>,
    /// The removal that would have gone over what its account may, and how many pledges it may take instead.
    pub fewer: Option<(Uuid, i64)>,
}

/// What became of a step.
#[derive(Debug)]
pub enum Step {
    /// Nothing is to be done, or others are at it.
    Idle,
    /// A step was made.
    Went(Went),
}

#[derive(QueryableByName)]
struct Job {
    #[diesel(sql_type = SqlUuid)]
    removal_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Bool)]
    undo: bool,
    #[diesel(sql_type = SqlUuid)]
    moderator_id: Uuid,
    #[diesel(sql_type = Nullable<Jsonb>)]
    search: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    began_at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    recent_from: Uuid,
    #[diesel(sql_type = SmallInt)]
    part: i16,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    change: Value,
    /// Whether the account that it is for may not have it any more.
    #[diesel(sql_type = Bool)]
    lost: bool,
    #[diesel(sql_type = BigInt)]
    deltas: i64,
}

/// Goes on with what has waited longest; its transaction has [`IN_ORDER`]. Only the lock of its work is asked for: whoever pauses or cancels it has that first.
///
/// # Errors
/// See [`StepError`]; then nothing has changed.
pub(super) async fn step(
    connection: &mut Connection,
    worker: Uuid,
    avoided: &[Uuid],
    mut known: Known,
) -> Result<Step, StepError> {
    let mut at_work = None;
    let done = connection
        .transaction(async |connection| {
            let Some(job) = lease(connection, worker, avoided).await? else { return Ok(Step::Idle) };
            at_work = Some(job.removal_id);
            let went = if job.undo {
                undo(connection, worker, &job, known.rows).await?
            } else if job.lost {
                stop(connection, job.removal_id, job.campaign_id, PausedBecause::Account).await?;
                Went::default()
            } else {
                remove(connection, worker, &job, &mut known).await?
            };
            Ok(Step::Went(Went { deltas: job.deltas, loaded: known.loaded, ..went }))
        })
        .await;
    done.map_err(|error| match error {
        StepError::Database(_, error) => StepError::Database(at_work, error),
        spent @ StepError::Spent { .. } => spent,
    })
}

async fn lease(connection: &mut Connection, worker: Uuid, avoided: &[Uuid]) -> Result<Option<Job>, DbError> {
    enum Lease {}
    let keeps = accounts::store::keeps("removal_work.moderator_id", "removals.campaign_id", "removal_work.taken_at");
    Ok(Prepared::<Lease>::new(format!(
        "SELECT removal_id, removals.campaign_id, undo, removal_work.moderator_id, search, began_at, recent_from, part, number, \
           removal_work.id, change, disabled_at IS NOT NULL OR NOT {keeps} AS lost, \
           (SELECT last_value FROM count_deltas_id_seq) AS deltas, {IN_ORDER} \
         FROM removal_work JOIN removals ON removals.id = removal_id JOIN moderators ON moderators.id = removal_work.moderator_id \
         WHERE paused_at IS NULL AND (worker = $1 OR leased_until <= clock_timestamp()) AND removal_id <> ALL($2) \
         ORDER BY worked_at, removal_id LIMIT 1 FOR UPDATE OF removal_work SKIP LOCKED"
    ))
    .bind::<SqlUuid, _>(worker)
    .bind::<Array<SqlUuid>, _>(avoided)
    .get_result(connection)
    .await
    .optional()?)
}

/// Takes out those of the candidates that fit, at most `most` of them, when there is such a number: one statement, with the conditions of
/// the search as everywhere. Whoever changes a row meanwhile is waited for, and the row held against the search once more.
async fn take_out(
    connection: &mut Connection,
    job: &Job,
    walk: &Walk,
    mut ids: Vec<Uuid>,
    most: Option<i64>,
) -> Result<Vec<Changed>, DbError> {
    if let Some(most) = most {
        let fitting =
            removable(&walk.search).filter(pledges::id.eq_any(ids)).filter(pledges::created_at.lt(walk.began_at));
        ids = fitting.order(pledges::id).limit(most).select(pledges::id).load(&mut *connection).await?;
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let update = diesel::update(pledges::table).set((
        pledges::state_before.eq(pledges::state.nullable()),
        pledges::state.eq("removed"),
        pledges::removal_id.eq(job.removal_id),
    ));
    let fitting = changing(update.into_boxed(), &walk.search)
        .filter(pledges::state.eq_any(REMOVABLE))
        .filter(spared(&walk.search))
        .filter(pledges::id.eq_any(ids))
        .filter(pledges::created_at.lt(walk.began_at));
    Ok(ByText::new(fitting, RETURNING).get_results(connection).await?)
}

async fn remove(connection: &mut Connection, worker: Uuid, job: &Job, known: &mut Known) -> Result<Went, StepError> {
    let place = Place::of_parts(job.part, job.number, job.id);
    let stored = job.search.clone().ok_or(DbError::Defect("a removal has no search"))?;
    let search = kept::search(job.campaign_id, stored)?;
    let walk = Walk { search, began_at: job.began_at, recent_from: job.recent_from };
    let mut page = match known.loaded.remove(&job.removal_id).filter(|page| page.at == place) {
        Some(page) => page,
        None => load(connection, &walk, place).await?,
    };
    let most = known.fewer.filter(|(removal, _)| *removal == job.removal_id).map(|(_, left)| left);
    let many = page.candidates.len().min(known.rows);
    let part: Vec<(Uuid, Place)> = page.candidates.drain(..many).collect();
    let ids: Vec<Uuid> = part.iter().map(|(id, _)| *id).collect();
    let rows = take_out(connection, job, &walk, ids, most).await?;
    let changes = uncounted(&rows, -1);
    let after = match most {
        // Some of these may be left: it looks at them again.
        Some(_) => Some(place),
        None if page.candidates.is_empty() => page.next,
        None => part.last().map(|(_, place)| *place),
    };
    let change = added(&job.change, &changes);
    count(connection, worker, job, after.unwrap_or(place), &rows, &changes, &change).await?;
    let ahead = walk::ahead(&page.candidates, known.rows);
    match after {
        Some(at) if most.is_none() && !page.candidates.is_empty() => {
            known.loaded.insert(job.removal_id, Loaded { at, ..page });
        }
        Some(_) => {}
        None => finish(connection, job, &change).await?,
    }
    Ok(Went { ahead, ..went(&rows, &changes) })
}

async fn load(connection: &mut Connection, walk: &Walk, place: Place) -> Result<Loaded, DbError> {
    // Whoever only reads may have any plan.
    let any = ["bitmapscan", "hashjoin", "mergejoin"].map(|what| format!("SET LOCAL enable_{what} TO DEFAULT; "));
    connection.batch_execute(&any.concat()).await?;
    prepare(connection).await?;
    let page = walk::store::page(connection, walk, place, PAGE).await?;
    in_order(connection).await?;
    Ok(Loaded { at: place, candidates: page.candidates.into(), next: page.next })
}

fn went(rows: &[Changed], changes: &ByMinute) -> Went {
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    Went { changed: number(rows.len()), appended: number(changes.len()), ..Went::default() }
}

/// What has changed by country so far.
fn added(so_far: &Value, changes: &ByMinute) -> Value {
    let mut all: BTreeMap<String, i64> = serde_json::from_value(so_far.clone()).unwrap_or_default();
    for (country, by) in by_country(changes) {
        *all.entry(country).or_default() += by;
    }
    json!(all)
}

/// Writes down what was taken out or put back: the quota, the deltas and the progress, sent together, as none needs what another says.
async fn count(
    connection: &Connection,
    worker: Uuid,
    job: &Job,
    place: Place,
    rows: &[Changed],
    changes: &ByMinute,
    change: &Value,
) -> Result<(), StepError> {
    let quota = async {
        if job.undo || rows.is_empty() {
            return Ok(());
        }
        let taken = quota::take(connection, job.moderator_id, i64::try_from(rows.len()).unwrap_or(i64::MAX)).await;
        taken.map_err(|error| match error {
            QuotaError::Spent { left, .. } => StepError::Spent { removal: job.removal_id, left },
            QuotaError::Database(error) => error.into(),
        })
    };
    let deltas = totals::deltas::store::append(connection, job.campaign_id, changes);
    let progress = progress(connection, worker, job, place, rows, change);
    let (quota, deltas, progress) = tokio::join!(biased; quota, deltas, progress);
    // The first error in the order in which they were sent: those behind it only say that the transaction is over.
    quota?;
    deltas?;
    Ok(progress?)
}

/// Writes down how far it is, and keeps the lease.
async fn progress(
    mut connection: &Connection,
    worker: Uuid,
    job: &Job,
    place: Place,
    rows: &[Changed],
    change: &Value,
) -> Result<(), DbError> {
    enum Progress {}
    let number = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let (out, back) = if job.undo { (&[][..], rows) } else { (rows, &[][..]) };
    let (part, of_part, id) = place.parts();
    Prepared::<Progress>::new(
        "WITH work AS (UPDATE removal_work SET part = $1, number = $2, id = $3, change = $4, worker = $5, \
           worked_at = clock_timestamp(), leased_until = clock_timestamp() + interval '3 seconds' WHERE removal_id = $6) \
         UPDATE removals SET pledges = pledges + $7, counted = counted + $8, put_back = put_back + $9, \
           counted_back = counted_back + $10, last_at = CASE WHEN $7 > 0 THEN now() ELSE last_at END WHERE id = $6",
    )
    .bind::<SmallInt, _>(part)
    .bind::<BigInt, _>(of_part)
    .bind::<SqlUuid, _>(id)
    .bind::<Jsonb, _>(change)
    .bind::<SqlUuid, _>(worker)
    .bind::<SqlUuid, _>(job.removal_id)
    .bind::<BigInt, _>(number(out.len()))
    .bind::<BigInt, _>(counted(out))
    .bind::<BigInt, _>(number(back.len()))
    .bind::<BigInt, _>(counted(back))
    .execute(&mut connection)
    .await?;
    Ok(())
}

/// All that fits is out.
async fn finish(connection: &mut Connection, job: &Job, change: &Value) -> Result<(), DbError> {
    diesel::sql_query(
        "WITH work AS (DELETE FROM removal_work WHERE removal_id = $1) UPDATE removals SET state = 'done' WHERE id = $1",
    )
    .bind::<SqlUuid, _>(job.removal_id)
    .execute(&mut *connection)
    .await?;
    ended(connection, job, "removal.finish", change).await
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    pledges: i64,
}

/// The entry of an end.
async fn ended(connection: &mut Connection, job: &Job, action: &'static str, change: &Value) -> Result<(), DbError> {
    let Taken { pledges } = diesel::sql_query("SELECT pledges FROM removals WHERE id = $1")
        .bind::<SqlUuid, _>(job.removal_id)
        .get_result(&mut *connection)
        .await?;
    let after = counts(connection, job.campaign_id).await?;
    let details = json!({ "removal": job.removal_id, "pledges": pledges, "change": change, "after": after });
    record(connection, Some(job.moderator_id), job.campaign_id, action, details).await
}

/// Puts back some of what a removal took out, as it was.
async fn undo(connection: &mut Connection, worker: Uuid, job: &Job, rows: usize) -> Result<Went, StepError> {
    let most = i64::try_from(rows).unwrap_or(i64::MAX);
    let rows = put_back(connection, job.removal_id, job.id, most).await?;
    let changes = uncounted(&rows, 1);
    let change = added(&job.change, &changes);
    if rows.is_empty() && job.id.is_nil() {
        undone(connection, job, &change).await?;
        return Ok(Went::default());
    }
    // Behind the last one it begins once more, in case one was passed over because it was being changed.
    let place = Place::Indexed(rows.iter().map(|row| row.id).max().unwrap_or(Uuid::nil()));
    count(connection, worker, job, place, &rows, &changes, &change).await?;
    Ok(went(&rows, &changes))
}

/// All of it is back.
async fn undone(connection: &mut Connection, job: &Job, change: &Value) -> Result<(), DbError> {
    diesel::sql_query(
        "WITH work AS (DELETE FROM removal_work WHERE removal_id = $1 RETURNING moderator_id, note) \
         UPDATE removals SET state = 'done', undone_at = now(), undone_by = work.moderator_id, undo_note = work.note \
         FROM work WHERE id = $1",
    )
    .bind::<SqlUuid, _>(job.removal_id)
    .execute(&mut *connection)
    .await?;
    ended(connection, job, "removal.undone", change).await
}
