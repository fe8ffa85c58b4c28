//! A submission comes in: what a page's, a form's and a server's have in common, whoever carries it.

use super::{Pledges, fields::IdempotencyKey, submission::Submission};
use crate::{
    campaigns::{Campaign, State},
    http::{Code, FieldProblem, Problem},
    partners::Admitted,
};

impl Pledges {
    /// Checks a submission and records it. When this returns Ok, it is committed, or its mailbox had pledged before.
    /// `mistakes` were found while it was read.
    ///
    /// # Errors
    /// [`Code::CampaignClosed`], [`Code::InvalidFields`] with every mistake, and those of [`Self::record`].
    pub async fn take(
        &self,
        campaign: &Campaign,
        admitted: &Admitted,
        submission: &Submission,
        mut mistakes: Vec<FieldProblem>,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), Problem> {
        if campaign.state != State::Open {
            return Err(Code::CampaignClosed.into());
        }
        let checked = match submission.check(campaign) {
            Ok(checked) if mistakes.is_empty() => checked,
            Ok(_) => return Err(Problem::fields(mistakes)),
            Err(more) => {
                mistakes.extend(more);
                return Err(Problem::fields(mistakes));
            }
        };
        Ok(self.record(campaign, &checked, key, admitted).await?)
    }
}
