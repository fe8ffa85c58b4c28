//! Statements that are prepared once for each connection, which diesel does for no `sql_query`: for those that run
//! many times a second, or while others wait.

use std::{borrow::Cow, marker::PhantomData};

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{HasSqlType, Untyped},
};

/// A statement that has the same text whenever its name `S` (a type of its own) is given.
pub struct Prepared<'a, S> {
    sql: Cow<'static, str>,
    values: Vec<Box<dyn Value + Send + Sync + 'a>>,
    name: PhantomData<fn() -> S>,
}

impl<'a, S> Prepared<'a, S> {
    /// With the places `$1`, `$2`, … of its values, which come first in this order.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), values: Vec::new(), name: PhantomData }
    }

    /// The next value.
    #[must_use]
    pub fn bind<T, V>(mut self, value: V) -> Self
    where
        T: 'a,
        V: ToSql<T, Pg> + Send + Sync + 'a,
        Pg: HasSqlType<T>,
    {
        self.values.push(Box::new(Typed::<T, V>(value, PhantomData)));
        self
    }
}

trait Value {
    fn push<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<T, V>(V, PhantomData<fn() -> T>);

impl<T, V> Value for Typed<T, V>
where
    V: ToSql<T, Pg>,
    Pg: HasSqlType<T>,
{
    fn push<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<T, V>(&self.0)
    }
}

impl<S: 'static> QueryId for Prepared<'_, S> {
    type QueryId = Prepared<'static, S>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S> Query for Prepared<'_, S> {
    type SqlType = Untyped;
}

impl<S> QueryFragment<Pg> for Prepared<'_, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut rest: &str = &self.sql;
        for (number, value) in (1..).zip(&self.values) {
            let (before, after) = rest.split_once(&format!("${number}")).unwrap_or((rest, ""));
            out.push_sql(before);
            value.push(out.reborrow())?;
            rest = after;
        }
        out.push_sql(rest);
        Ok(())
    }
}

/// A statement of diesel's with a text behind it, which is prepared once for each text that comes of it: for an `UPDATE`, which diesel prepares anew each
/// time, as the columns that it sets may differ. A connection keeps each text as long as it lives, so there must be few: as many as moderators combine filters.
pub struct ByText<Q> {
    query: Q,
    end: &'static str,
}

impl<Q> ByText<Q> {
    /// `query`, followed by `end`.
    pub fn new(query: Q, end: &'static str) -> Self {
        Self { query, end }
    }
}

impl<Q> QueryId for ByText<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for ByText<Q> {
    type SqlType = Untyped;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for ByText<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(self.end);
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use diesel::{debug_query, sql_types::Integer};

    use super::*;

    enum Sum {}

    #[test]
    fn places_keep_their_numbers_also_when_they_come_again() {
        let sql = "SELECT $1 + $1 + $2 + $1";
        let statement = Prepared::<Sum>::new(sql).bind::<Integer, _>(1).bind::<Integer, _>(2);
        assert!(debug_query::<Pg, _>(&statement).to_string().starts_with(sql));
    }
}
