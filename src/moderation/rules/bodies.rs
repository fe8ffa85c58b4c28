//! What is told of rules, and what is asked for.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::searches::{self, Effect};
use crate::{
    gate::rules::{Kind, Subject},
    http::{FieldCode, Problem},
    moderation::{
        note::Note,
        removals::{
            Reason,
            routes::{given, given_object},
        },
        search::filter::PledgeSearch,
    },
    pledges::rules::{Rule, Rules},
};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// What fits is held, whatever its score: before it counts.
    Block,
    /// What fits and isn't blocked is not held, whatever its score.
    Allow,
    /// What the search finds among new pledges is held, within seconds.
    Hold,
    /// What the search finds among new pledges is removed, within seconds.
    Remove,
}

impl From<Kind> for RuleKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Block => Self::Block,
            Kind::Allow => Self::Allow,
        }
    }
}

impl From<Effect> for RuleKind {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Hold => Self::Hold,
            Effect::Remove => Self::Remove,
        }
    }
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleSubject {
    /// The mailbox's domain.
    Domain,
    /// The source, by its tag.
    Source,
    /// The name, by a pattern.
    Name,
    /// The partner.
    Partner,
    /// Whatever a search looks for.
    Search,
}

impl From<Subject> for RuleSubject {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Domain => Self::Domain,
            Subject::Source => Self::Source,
            Subject::Name => Self::Name,
            Subject::Partner => Self::Partner,
        }
    }
}

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = Rule)]
pub struct RuleBody {
    pub(super) id: Uuid,
    kind: RuleKind,
    subject: RuleSubject,
    /// What it is held against; null: it is a search, or the root secret that sealed it isn't listed any more, and the rule is not in
    /// force.
    #[schema(example = "spam.example")]
    value: Option<String>,
    /// What it looks for, as in the search for pledges; null: it is no search, or not in force as above.
    #[schema(value_type = Option<Object>, example = json!({"country": "KE", "domain": "spam.example"}))]
    search: Option<serde_json::Value>,
    /// Why, as a category; null: it is no search.
    reason: Option<Reason>,
    /// Why it was made; null: not in force as above.
    note: Option<String>,
    /// Login of who made it; null: the operator, at the command line.
    #[schema(example = "ada")]
    made_by: Option<String>,
    created_at: DateTime<Utc>,
    /// Until when it is in force; then it is deleted.
    expires_at: DateTime<Utc>,
    /// Pledges that it decided. Of a block or an allow with repeats, written down about each second, and approximate after a crash;
    /// of a search exact.
    #[schema(minimum = 0)]
    hits: i64,
    /// When it last did; null: never.
    last_hit_at: Option<DateTime<Utc>>,
}

impl From<Rule> for RuleBody {
    fn from(rule: Rule) -> Self {
        let Rule { row, value, note } = rule;
        Self {
            id: row.id,
            kind: row.kind.into(),
            subject: row.subject.into(),
            value,
            search: None,
            reason: None,
            note,
            made_by: row.made_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            hits: row.hits,
            last_hit_at: row.last_hit_at,
        }
    }
}

/// A search that is kept alive, as it is shown.
pub fn shown(rules: &Rules, row: searches::store::Row) -> RuleBody {
    let (search, note) = searches::open(rules, &row).map(|opened| (opened.shown, opened.note)).unzip();
    RuleBody {
        id: row.id,
        kind: row.effect.into(),
        subject: RuleSubject::Search,
        value: None,
        search,
        reason: Some(row.reason),
        note,
        made_by: Some(row.made_by),
        created_at: row.created_at,
        expires_at: row.expires_at,
        hits: row.hits,
        last_hit_at: row.last_hit_at,
    }
}

/// A campaign's rules that are in force, oldest first: at most 500 blocks and allows, and 50 searches.
#[derive(Serialize, ToSchema)]
pub struct RuleList {
    pub(super) rules: Vec<RuleBody>,
}

/// A rule to add: a block or an allow with `subject` and `value`, or a search to keep alive with `search` and `reason`.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "block", "subject": "domain", "value": "spam.example", "note": "Only bots use it", "days": 7}))]
pub struct NewRuleBody {
    kind: RuleKind,
    /// Of a block or an allow.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Subject, required = false)]
    subject: Option<Subject>,
    /// What it is held against. `domain`: a mailbox domain, with everything under it. `source`: the `source_tag` of a pledge of today.
    /// `name`: the whole name, in which `*` stands for any text, eight times at the most; case, width and spaces make no difference.
    /// `partner`: an id.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 254, example = "spam.example")]
    value: Option<String>,
    /// Of `hold` or `remove`: which new pledges. At least one thing beside `state`; not `removal`, `from` and `to`; `limit` and
    /// `cursor` mean nothing here.
    #[serde(default, deserialize_with = "given_object")]
    #[validate(nested)]
    #[schema(value_type = PledgeSearch, required = false)]
    search: Option<PledgeSearch>,
    /// Of `hold` or `remove`: why, as a category.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Reason, required = false)]
    reason: Option<Reason>,
    /// Why, in your words. It is deleted with the rule.
    pub(super) note: Note,
    /// Days for which it is in force: 30 unless said, and 30 at the most for a search. A rule for a source ends with the day (UTC),
    /// whatever is said: then its tag changes.
    #[serde(default)]
    #[validate(range(min = 1, max = 366, code = "out_of_range"))]
    #[schema(minimum = 1, maximum = 366)]
    pub(super) days: Option<i32>,
}

/// What a body asks for.
pub(super) enum Wanted {
    /// A block or an allow.
    AtTheDoor(Kind, Subject, String),
    /// A search to keep alive.
    Searching(Effect, Box<PledgeSearch>, Reason),
}

impl NewRuleBody {
    /// Which of both it is; what is wanted is taken out of it.
    ///
    /// # Errors
    /// What is missing, or doesn't belong there.
    pub(super) fn wanted(&mut self) -> Result<Wanted, Problem> {
        let required = |pointer: &'static str| move || Problem::field(pointer, FieldCode::Required);
        let refused = |pointer: &str| Err(Problem::field(pointer, FieldCode::NotAllowed));
        let kind = match self.kind {
            RuleKind::Block => Ok(Kind::Block),
            RuleKind::Allow => Ok(Kind::Allow),
            RuleKind::Hold => Err(Effect::Hold),
            RuleKind::Remove => Err(Effect::Remove),
        };
        match kind {
            Ok(_) if self.search.is_some() => refused("/search"),
            Ok(_) if self.reason.is_some() => refused("/reason"),
            Ok(kind) => {
                let subject = self.subject.ok_or_else(required("/subject"))?;
                Ok(Wanted::AtTheDoor(kind, subject, self.value.take().ok_or_else(required("/value"))?))
            }
            Err(_) if self.subject.is_some() => refused("/subject"),
            Err(_) if self.value.is_some() => refused("/value"),
            Err(_) if self.days.is_some_and(|days| days > searches::MOST_DAYS) => {
                Err(Problem::field("/days", FieldCode::OutOfRange))
            }
            Err(effect) => {
                let search = self.search.take().ok_or_else(required("/search"))?;
                Ok(Wanted::Searching(effect, Box::new(search), self.reason.ok_or_else(required("/reason"))?))
            }
        }
    }
}
