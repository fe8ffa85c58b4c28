//! A submission comes in: what a page's, a form's and a server's have in common, whoever carries it. What it must show
//! beside its fields is asked here: a proof of work from scripts, where the campaign wants one; forms without JavaScript have none.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Pledges, Seen, eye::Way, fields::IdempotencyKey, submission::Submission};
use crate::{
    campaigns::{Campaign, State, settings::ProofRule},
    gate::{
        UNGATED,
        proof::{Bound, ProofError},
    },
    http::{Code, FieldCode, FieldProblem, Problem, Visitor},
    partners::{Admitted, Door, Lane},
};

/// How a submission was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// As JSON: a program, which can solve a challenge.
    Script,
    /// As a form, perhaps without JavaScript.
    Form,
}

/// A submission on its way in.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    /// What was sent.
    pub submission: &'a Submission,
    /// How.
    pub carrier: Carrier,
    /// From where.
    pub visitor: Visitor,
}

/// What a submission showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    /// The proof of work that it spends.
    proof: Option<Uuid>,
    /// When its challenge or its form was given out.
    begun_at: Option<DateTime<Utc>>,
}

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
        arrival: Arrival<'_>,
        mut mistakes: Vec<FieldProblem>,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), Problem> {
        if campaign.state != State::Open {
            return Err(Code::CampaignClosed.into());
        }
        let Arrival { submission, carrier, visitor } = arrival;
        let shown = match self.shown(campaign, admitted, submission, carrier) {
            Ok(shown) => shown,
            Err(code) => {
                mistakes.push(FieldProblem::new("/proof", code));
                Shown::default()
            }
        };
        let checked = match submission.check(campaign) {
            Ok(checked) if mistakes.is_empty() => checked,
            Ok(_) => return Err(Problem::fields(mistakes)),
            Err(more) => {
                mistakes.extend(more);
                return Err(Problem::fields(mistakes));
            }
        };
        let admitted = claimed(admitted, shown);
        let way = Way {
            source: (admitted.door != Door::Server).then(|| visitor.source()),
            begun_at: shown.begun_at,
            script: carrier == Carrier::Script || shown.proof.is_some(),
            partner: admitted.partner.as_ref().map(|partner| partner.id),
        };
        let look = |place: &Campaign| self.eye.look(place, &checked, submission, way);
        let seen = |place: &Campaign| if UNGATED { Seen::default() } else { look(place) };
        let proof = shown.proof;
        match admitted.lane {
            Lane::Live => Ok(self.record(campaign, &checked, key, &admitted, (seen(campaign), proof)).await?),
            Lane::Test => {
                // One whose first partner was added in this second has it in the next.
                let place = self.campaigns.trials_of(campaign.id).ok_or(Code::Unavailable)?;
                Ok(self.record(&place, &checked, key, &admitted, (seen(&place), proof)).await?)
            }
        }
    }

    /// What a submission shows, if it shows what it must: none of a server with a secret key, a proof of a script, and of a form
    /// what it has.
    fn shown(
        &self,
        campaign: &Campaign,
        admitted: &Admitted,
        submission: &Submission,
        carrier: Carrier,
    ) -> Result<Shown, FieldCode> {
        if admitted.door == Door::Server {
            return Ok(Shown::default());
        }
        let partner = admitted.partner.as_ref().map(|partner| partner.id);
        let bound = Bound { campaign: campaign.id, partner, test: admitted.lane == Lane::Test };
        let asked = campaign.proof != ProofRule::Off;
        if let Some(payload) = submission.proof.as_deref().filter(|_| asked) {
            let proof = self.proofs.verify(payload, &bound).map_err(|error| match error {
                ProofError::Missing => FieldCode::Required,
                ProofError::Expired => FieldCode::ExpiredProof,
                _ => FieldCode::InvalidProof,
            })?;
            return Ok(Shown { proof: Some(proof.nonce), begun_at: Some(proof.issued_at) });
        }
        if asked && carrier == Carrier::Script {
            return Err(FieldCode::Required);
        }
        // A form that lay open for days is taken all the same: it only tells nothing of when it was begun.
        let begun_at = submission.form_token.as_deref().and_then(|token| self.forms.verify(token, &bound).ok());
        Ok(Shown { proof: None, begun_at })
    }
}

/// Whose a submission is. On a page of ours anybody can write any site key into the form, so there the signed challenge or form
/// says which partner it was made for.
fn claimed(admitted: &Admitted, shown: Shown) -> Admitted {
    let unsigned = admitted.door == Door::Own && shown.begun_at.is_none() && admitted.lane == Lane::Live;
    Admitted { partner: admitted.partner.clone().filter(|_| !unsigned), ..*admitted }
}
