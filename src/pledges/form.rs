//! A plain HTML form as a submission. Unknown names are ignored, because pages carry fields of their own; protected
//! ones are refused. Browsers send empty fields and `on`: empty is absent.

use super::submission::{GivenConsent, Submission};
use crate::{
    campaigns::settings::Purpose,
    http::{FieldCode, FieldProblem, Problem},
};

/// Names that a form may not carry: somebody expects them to have an effect.
const PROTECTED: [&str; 8] =
    ["id", "state", "state_before", "removal_id", "counted_at", "created_at", "score", "fingerprint"];

/// A form as it was posted.
#[derive(Clone, Default)]
pub struct PostedForm {
    /// The pledge.
    pub submission: Submission,
    /// Where the browser goes on success.
    pub return_to: Option<String>,
}

impl PostedForm {
    /// Reads the entries of a form. What can be read is there even when there are mistakes, to show the form again.
    pub fn read(entries: Vec<(String, String)>) -> (Self, Vec<FieldProblem>) {
        let mut form = Self::default();
        let mut mistakes = Vec::new();
        let mut consents = [Purpose::Updates, Purpose::Partner, Purpose::Public].map(|purpose| (purpose, false, None));
        for (name, value) in entries.into_iter().filter(|(_, value)| !value.is_empty()) {
            let mut mistake = |code: FieldCode| {
                let told = FieldProblem::new(format!("/{name}"), code);
                if !mistakes.contains(&told) {
                    mistakes.push(told);
                }
            };
            let submission = &mut form.submission;
            let place = match name.as_str() {
                "name" => &mut submission.name,
                "email" => &mut submission.email,
                "country" => &mut submission.country,
                "message" => &mut submission.message,
                "language" => &mut submission.language,
                "source" => &mut submission.source,
                "site_key" => &mut submission.site_key,
                // The element of ALTCHA calls its field so.
                "proof" | "altcha" => &mut submission.proof,
                "form_token" => &mut submission.form_token,
                "website" => &mut submission.website,
                "return_to" => &mut form.return_to,
                protected if PROTECTED.contains(&protected) => {
                    mistake(FieldCode::UnknownField);
                    continue;
                }
                other => {
                    for (purpose, ticked, version) in &mut consents {
                        match other.strip_prefix("consent_").and_then(|rest| rest.strip_prefix(purpose.as_str())) {
                            Some("") => *ticked = matches!(value.as_str(), "on" | "true" | "1"),
                            Some("_version") => *version = Some(value.clone()),
                            _ => {}
                        }
                    }
                    continue;
                }
            };
            if place.replace(value).is_some() {
                mistake(FieldCode::DuplicateField);
            }
        }
        form.submission.consents = Some(given(&consents, &mut mistakes));
        (form, mistakes)
    }
}

impl PostedForm {
    /// A problem with a consent, at the box that was ticked: a form has no list of consents.
    pub fn at_its_boxes(&self, mut problem: Problem) -> Problem {
        let given = self.submission.consents.as_deref().unwrap_or_default();
        for error in &mut problem.errors {
            let index: Option<usize> = error.pointer.strip_prefix("/consents/").and_then(|index| index.parse().ok());
            if let Some(consent) = index.and_then(|index| given.get(index)) {
                error.pointer = format!("/consent_{}", consent.purpose.as_str());
            }
        }
        problem
    }
}

/// The ticked boxes. Each needs the version of the text that stood beside it.
fn given(consents: &[(Purpose, bool, Option<String>)], mistakes: &mut Vec<FieldProblem>) -> Vec<GivenConsent> {
    let mut given = Vec::new();
    for (purpose, _, version) in consents.iter().filter(|(_, ticked, _)| *ticked) {
        match version.as_deref().map(str::parse) {
            Some(Ok(version)) => given.push(GivenConsent { purpose: *purpose, version }),
            missing_or_odd => {
                let code = if missing_or_odd.is_none() { FieldCode::Required } else { FieldCode::WrongType };
                mistakes.push(FieldProblem::new(format!("/consent_{}_version", purpose.as_str()), code));
            }
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, &str)]) -> (PostedForm, Vec<(String, String)>) {
        let (form, mistakes) =
            PostedForm::read(entries.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        (form, mistakes.into_iter().map(|mistake| (mistake.pointer, mistake.code)).collect())
    }

    #[test]
    fn a_form_is_read_leniently_but_for_protected_names() {
        let (form, mistakes) = read(&[
            ("name", "Ada"),
            ("email", ""),
            ("utm_campaign", "x"),
            ("consent_updates", "on"),
            ("consent_updates_version", "2"),
            ("consent_public", "off"),
        ]);
        assert_eq!(mistakes, []);
        assert_eq!((form.submission.name.as_deref(), form.submission.email.as_deref()), (Some("Ada"), None));
        assert_eq!(form.submission.consents, Some(vec![GivenConsent { purpose: Purpose::Updates, version: 2 }]));
        for (entries, pointer, code) in [
            (vec![("state", "counted")], "/state", "unknown_field"),
            (vec![("name", "a"), ("name", "b")], "/name", "duplicate_field"),
            (vec![("consent_public", "1")], "/consent_public_version", "required"),
            (vec![("consent_public", "1"), ("consent_public_version", "x")], "/consent_public_version", "wrong_type"),
        ] {
            assert_eq!(read(&entries).1, [(pointer.to_owned(), code.to_owned())]);
        }
    }
}
