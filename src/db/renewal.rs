//! When to tell that a copy in memory, which is renewed again and again, can't be.

use super::DbError;

/// How renewing goes.
#[derive(Debug, Default)]
pub struct Renewal {
    failing: bool,
}

impl Renewal {
    /// Takes how it went this time, and gives back what is to be told: once when it begins to fail, and again after it went well
    /// meanwhile. That the database is away is told by the publisher of the totals.
    pub fn went(&mut self, done: Result<(), DbError>) -> Option<DbError> {
        match done {
            Ok(()) => self.failing = false,
            Err(DbError::Unavailable | DbError::Conflict) => {}
            Err(error) => return (!std::mem::replace(&mut self.failing, true)).then_some(error),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_until_it_has_gone_well() {
        let mut renewal = Renewal::default();
        let mut told = |done| renewal.went(done).is_some();
        assert!(!told(Ok(())) && !told(Err(DbError::Unavailable)));
        assert!(
            told(Err(DbError::Defect("a"))) && !told(Err(DbError::Unavailable)) && !told(Err(DbError::Defect("b")))
        );
        assert!(!told(Ok(())) && told(Err(DbError::Defect("a"))));
    }
}
