//! Times as arguments.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};

/// A time as RFC 3339 has it, or a day: its beginning in UTC.
///
/// # Errors
/// When it is neither.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| day())
        .ok()
        .filter(|time| (0..=9999).contains(&time.year()))
        .ok_or_else(|| "neither a day as 2026-11-24 nor a time as 2026-11-24T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(moment("2026-11-24"), moment("2026-11-24T01:00:00+01:00"));
        assert!(moment("2026-11-24").is_ok() && moment("24.11.2026").is_err() && moment("2026-11-24T10:00").is_err());
        assert!(moment("-0001-01-01").is_err() && moment("+10000-01-01").is_err());
    }
}
