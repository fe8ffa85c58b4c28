//! How often people found that a signal had held somebody honest: by week and signal, of a sample of the held pledges, so that limits and
//! weights can be set by what is known.
//!
//! One pledge in eight belongs to the sample, by the random end of its id: nobody chooses, and nothing is stored for it. The queue shows
//! only the sample when it is asked to, and whoever judges all of it, one by one, gets a share that no choice of theirs has bent. What
//! became of each is read from the rows, so an undo corrects it by itself; it can be told as long as the rows keep their signals.

pub mod routes;
pub mod store;

use chrono::NaiveDate;

use crate::gate::signals::Signal;

/// Weeks that are told, the running one among them.
pub const WEEKS: i32 = 12;

/// What became of the pledges of a sample that have one signal, of those stored in one week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Its Monday (UTC).
    pub week: NaiveDate,
    /// The signal; None: all of the sample, whatever their signals.
    pub signal: Option<Signal>,
    /// Held still.
    pub waiting: i64,
    /// Accepted by somebody who named them, and counted.
    pub accepted: i64,
    /// Accepted by a search, and counted: nobody has looked at each.
    pub accepted_unseen: i64,
    /// Removed by somebody who named them.
    pub removed: i64,
    /// Removed by a search or a rule: nobody has looked at each.
    pub removed_unseen: i64,
    /// Nobody decided: the campaign's `held_default` did, or the supporter.
    pub undecided: i64,
}

impl Sampled {
    /// The share of what people decided, one by one, that they accepted; None: nothing was.
    pub fn accepted_share(&self) -> Option<f64> {
        let decided = self.accepted + self.removed;
        #[expect(clippy::cast_precision_loss, reason = "numbers of pledges")]
        let share = self.accepted as f64 / decided as f64;
        (decided > 0).then_some(share)
    }
}

/// Signals for which a pledge may be held, alone or together: not those that tell what people decided, and not those that are only
/// compared.
pub fn holding() -> impl Iterator<Item = Signal> {
    const NOT: [Signal; 7] = [
        Signal::Accepted,
        Signal::Unreviewed,
        Signal::Allowed,
        Signal::Under20Seconds,
        Signal::Under40Seconds,
        Signal::Over80Seconds,
        Signal::WithMessage,
    ];
    Signal::ALL.iter().copied().filter(|signal| !NOT.contains(signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_what_people_decided() {
        let mut sampled = Sampled {
            week: NaiveDate::default(),
            signal: None,
            waiting: 50,
            accepted: 0,
            accepted_unseen: 7,
            removed: 0,
            removed_unseen: 9,
            undecided: 3,
        };
        assert_eq!(sampled.accepted_share(), None);
        sampled.accepted = 1;
        sampled.removed = 3;
        assert_eq!(sampled.accepted_share(), Some(0.25));
    }

    #[test]
    fn what_adds_to_a_score_may_hold() {
        let holding: Vec<Signal> = holding().collect();
        assert!(Signal::ALL.iter().all(|signal| signal.weight() == 0 || holding.contains(signal)));
        assert!([Signal::Switch, Signal::Blocked, Signal::WaveName].iter().all(|signal| holding.contains(signal)));
        assert!(!holding.contains(&Signal::Accepted));
    }
}
