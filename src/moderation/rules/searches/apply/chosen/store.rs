//! The shelf of choosing. Locks come in this order: the rules; the pledges of all of them, in the order of their ids as everywhere;
//! the accounts; what those may remove. Who takes out or puts back by another way has pledges before quotas too.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use diesel::{
    ExpressionMethods, QueryDsl,
    dsl::sql,
    sql_types::{Array, Bool, Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::{Choice, Chosen};
use crate::{
    accounts::quota::{self, QuotaError},
    db::{Connection, DbError, schema::pledges},
    gate::signals::Signal,
    moderation::{
        removals::by_search::store::REMOVABLE,
        rules::searches::{
            self, Effect,
            store::{Row, in_force},
        },
        search::{Search, store::conditions},
    },
    pledges::rules::Rules,
};

/// A rule with what fits it.
struct Looking {
    rule: Row,
    search: Search,
    ids: Vec<Uuid>,
}

/// Chooses among pledges that wait, by campaign, and locks what it chooses. What an account may remove is taken from its quota.
///
/// # Errors
/// Those of the database.
pub async fn choose(
    connection: &mut Connection,
    rules: &Rules,
    waiting: &BTreeMap<Uuid, Vec<Uuid>>,
) -> Result<Choice, DbError> {
    let mut choice = Choice::default();
    let mut all = Vec::new();
    for campaign in waiting.keys() {
        for rule in in_force(connection, *campaign).await? {
            let Some(opened) = searches::open(rules, &rule) else {
                *choice.closed.entry(*campaign).or_default() += 1;
                continue;
            };
            all.push(Looking { rule, search: opened.search, ids: Vec::new() });
        }
    }
    for one in &mut all {
        let ids = waiting.get(&one.rule.campaign).map(Vec::as_slice).unwrap_or_default();
        one.ids = fitting(connection, &one.rule, &one.search, ids).await?;
    }
    all.retain(|one| !one.ids.is_empty());
    if all.is_empty() {
        return Ok(choice);
    }
    lock(connection, &all).await?;
    let mut taken = HashSet::new();
    for Looking { rule, search, ids } in all {
        // Who changed a row meanwhile was waited for: what fits now stays so.
        let mut ids = fitting(connection, &rule, &search, &ids).await?;
        ids.retain(|id| !taken.contains(id));
        if ids.is_empty() {
            continue;
        }
        // Those whom the account may not remove any more today wait for a moderator.
        let removes = rule.effect == Effect::Remove && may_remove(connection, &rule, ids.len()).await?;
        if removes {
            taken.extend(ids.iter().copied());
        }
        choice.chosen.push(Chosen { rule, ids, removes });
    }
    for chosen in choice.chosen.iter_mut().filter(|chosen| !chosen.removes) {
        chosen.ids.retain(|id| !taken.contains(id));
    }
    choice.chosen.retain(|chosen| !chosen.ids.is_empty());
    Ok(choice)
}

/// Those that came after the rule was made, that nobody has accepted or put back, and that aren't erased.
async fn fitting(connection: &mut Connection, rule: &Row, search: &Search, ids: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let mut judged = Signal::Accepted.bit().with(Signal::Unreviewed.bit());
    if only_by_looks(search) {
        judged = judged.with(Signal::Allowed.bit());
    }
    let unjudged = sql::<Bool>("pledges.signals & ").bind::<Integer, _>(judged.bits()).sql(" = 0");
    let fitting = conditions(search)
        .filter(pledges::id.eq_any(ids))
        .filter(pledges::state.eq_any(REMOVABLE))
        .filter(pledges::created_at.ge(rule.created_at))
        .filter(pledges::erased_at.is_null())
        .filter(unjudged)
        .filter(sql::<Bool>("NOT EXISTS (SELECT FROM pledges_put_back WHERE pledge_id = pledges.id)"))
        .order(pledges::id)
        .select(pledges::id);
    Ok(fitting.load(connection).await?)
}

/// Whether a rule looks for nothing but what stands out about a pledge. That is what an allow is there for: it lets go whom a score or a
/// wave would hold.
fn only_by_looks(search: &Search) -> bool {
    search.country.is_none()
        && search.partner.is_none()
        && search.language.is_none()
        && !search.has_tags()
        && !search.signals.contains(&Signal::Allowed)
}

async fn lock(connection: &mut Connection, all: &[Looking]) -> Result<(), DbError> {
    let ids: BTreeSet<Uuid> = all.iter().flat_map(|one| one.ids.iter().copied()).collect();
    diesel::sql_query("SELECT FROM pledges WHERE id = ANY($1) ORDER BY id FOR UPDATE")
        .bind::<Array<SqlUuid>, _>(ids.into_iter().collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    // Quotas and removals look at their accounts one by one, and who changes two accounts locks them in this order.
    let removing = all.iter().filter(|one| one.rule.effect == Effect::Remove);
    let makers: BTreeSet<Uuid> = removing.map(|one| one.rule.maker).collect();
    diesel::sql_query("SELECT FROM moderators WHERE id = ANY($1) ORDER BY id FOR KEY SHARE")
        .bind::<Array<SqlUuid>, _>(makers.into_iter().collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Why an account may not remove.
enum NotAllowed {
    Spent,
    Database(DbError),
}

impl From<diesel::result::Error> for NotAllowed {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<QuotaError> for NotAllowed {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::Spent { .. } => Self::Spent,
            QuotaError::Database(error) => Self::Database(error),
        }
    }
}

/// Takes so many from what the account of the rule may remove today, if that is enough.
async fn may_remove(connection: &mut Connection, rule: &Row, pledges: usize) -> Result<bool, DbError> {
    let count = i64::try_from(pledges).unwrap_or(i64::MAX);
    // Inside the other one: what was taken too much is given back, and the rest stands.
    let taken = connection
        .transaction(async |connection| {
            quota::take_for_rule(connection, rule.maker, count).await?;
            Ok::<_, NotAllowed>(())
        })
        .await;
    match taken {
        Ok(()) => Ok(true),
        Err(NotAllowed::Spent) => Ok(false),
        Err(NotAllowed::Database(error)) => Err(error),
    }
}
