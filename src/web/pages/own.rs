//! The pages of one's own pledge: confirming it, seeing and changing it, taking it back, and the short forms for an
//! address and a code. What they show comes as [`OwnPage`]; this finds the words.

use askama::Template;

use super::{Assets, Campaign, Consent};
use crate::{
    campaigns::settings::Erasure,
    http::FieldProblem,
    web::own::{Action, CodeForm, Deed, Gone, OwnPage, Reason, Standing, Trouble},
    web::texts::{self, Texts},
};

/// A page of one's own pledge. [`OwnPage::Confirmed`] is drawn as [`super::ThanksPage`].
#[derive(Template)]
#[template(path = "own.html")]
pub struct OwnPledgePage<'a> {
    /// The interface in the page's language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// The campaign.
    pub campaign: &'a Campaign<'a>,
    /// What becomes of the count when somebody is erased.
    pub erasure: Erasure,
    /// The texts of what was ticked.
    pub agreed: &'a [&'a str],
    /// The boxes of [`OwnPage::Own`].
    pub consents: &'a [Consent<'a>],
    /// Which page, and what it shows.
    pub page: &'a OwnPage<'a>,
}

impl OwnPledgePage<'_> {
    fn title(&self) -> &str {
        self.ui.text(match self.page {
            OwnPage::Confirm(_) | OwnPage::Code(_) => "confirm_title",
            OwnPage::Confirmed { .. } => "confirmed_title",
            OwnPage::Own(_) => "own_title",
            OwnPage::Sure(sure) => match sure.action {
                Action::Withdraw => "sure_withdraw_title",
                Action::Erase => "sure_erase_title",
                Action::NotMe => "sure_not_me_title",
            },
            OwnPage::Done(done) => match done.deed {
                Deed::Action(Action::Withdraw) => "done_withdraw_title",
                Deed::Action(Action::Erase) => "done_erase_title",
                Deed::Action(Action::NotMe) => "done_not_me_title",
                Deed::ConsentsSaved => "done_consents_title",
                Deed::NoLongerShown => "done_hidden_title",
            },
            OwnPage::Ask(_) => "ask_title",
            OwnPage::Asked => "asked_title",
        })
    }

    /// The sentence below the title.
    fn lead(&self) -> &str {
        self.ui.text(match self.page {
            OwnPage::Confirm(_) => "confirm_text",
            OwnPage::Confirmed { .. } => "confirmed_text",
            OwnPage::Own(own) => match own.standing {
                Standing::Waiting => "own_waiting",
                Standing::Counted => "own_counted",
                Standing::Withdrawn => "own_withdrawn",
            },
            OwnPage::Sure(sure) => match (sure.action, self.erasure) {
                (Action::Withdraw, _) => "sure_withdraw_text",
                (Action::Erase, Erasure::Withdraw) => "sure_erase_text",
                (Action::Erase, Erasure::Keep) => "sure_erase_text_kept",
                (Action::NotMe, _) => "sure_not_me_text",
            },
            OwnPage::Done(done) => match done.deed {
                Deed::Action(Action::Withdraw) => "done_withdraw_text",
                Deed::Action(Action::Erase) => "done_erase_text",
                Deed::Action(Action::NotMe) => "done_not_me_text",
                Deed::ConsentsSaved => "done_consents_text",
                Deed::NoLongerShown => "done_hidden_text",
            },
            OwnPage::Code(_) => "code_lead",
            OwnPage::Ask(_) => "ask_text",
            OwnPage::Asked => "asked_text",
        })
    }

    /// What stands on the button of the second step.
    fn sure_submit(&self, action: Action) -> &str {
        self.ui.text(match action {
            Action::Withdraw => "sure_withdraw_submit",
            Action::Erase => "sure_erase_submit",
            Action::NotMe => "sure_not_me_submit",
        })
    }

    fn mistakes(&self) -> Mistakes<'_> {
        match self.page {
            OwnPage::Own(own) => Mistakes::new(self.ui, own.errors, own.trouble),
            OwnPage::Code(form) => Mistakes::new(self.ui, form.errors, form.trouble),
            OwnPage::Ask(form) => Mistakes::new(self.ui, form.errors, form.trouble),
            _ => Mistakes::new(self.ui, &[], None),
        }
    }
}

/// What is wrong with a short form, for the summary and beside its fields.
pub(super) struct Mistakes<'a> {
    ui: &'static Texts,
    errors: &'a [FieldProblem],
    trouble: Option<Trouble>,
}

/// A line of the summary; `field` is the id to jump to.
pub(super) struct MistakeLine<'a> {
    pub(super) field: &'a str,
    pub(super) label: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(ui: &'static Texts, errors: &'a [FieldProblem], trouble: Option<Trouble>) -> Self {
        Self { ui, errors, trouble }
    }

    pub(super) fn of_code(ui: &'static Texts, form: &CodeForm<'a>) -> Self {
        Self::new(ui, form.errors, form.trouble)
    }

    pub(super) fn any(&self) -> bool {
        !self.errors.is_empty() || self.trouble.is_some()
    }

    pub(super) fn of(&self, field: &str) -> Option<&'a str>
    where
        'static: 'a,
    {
        let error = self.errors.iter().find(|error| error.pointer.trim_start_matches('/') == field)?;
        Some(self.ui.field_error(field, &error.code))
    }

    pub(super) fn of_consent(&self, consent: &Consent<'_>) -> Option<&'a str> {
        self.of(&format!("consent_{}", consent.purpose))
    }

    fn label(&self, field: &str) -> Option<&'static str> {
        match field {
            "email" => Some(self.ui.text("form_email")),
            "code" => Some(self.ui.text("form_code")),
            "consent_updates" | "consent_partner" | "consent_public" => Some(self.ui.text("own_consents_title")),
            _ => None,
        }
    }

    pub(super) fn lines(&self) -> Vec<MistakeLine<'a>> {
        let line = |error: &'a FieldProblem| {
            let field = error.pointer.trim_start_matches('/');
            Some(MistakeLine { field, label: self.label(field)?, text: self.ui.field_error(field, &error.code) })
        };
        self.errors.iter().filter_map(line).collect()
    }

    /// What is wrong as a whole, or with something that isn't on the page.
    pub(super) fn text(&self) -> Option<&'static str> {
        let unseen = self.lines().len() < self.errors.len();
        let trouble = self.trouble.or(unseen.then_some(Trouble::Other))?;
        Some(self.ui.text(match trouble {
            Trouble::NoMatch => "trouble_no_match",
            Trouble::TooMany => "trouble_too_many",
            Trouble::Unavailable => "trouble_not_now",
            Trouble::Over => "trouble_over",
            Trouble::Other => "trouble_other",
        }))
    }

    pub(super) fn describedby(&self, field: &str, hint: bool) -> String {
        let error = self.of(field).is_some().then(|| format!("{field}-error"));
        let hint = hint.then(|| format!("{field}-hint"));
        [hint, error].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Where a link leads that no longer works.
#[derive(Template)]
#[template(path = "gone.html")]
pub struct GonePage<'a> {
    /// The interface in the page's language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// The campaign, if it is known.
    pub campaign: Option<&'a Campaign<'a>>,
    /// Why, and where to ask.
    pub gone: &'a Gone<'a>,
}

impl GonePage<'_> {
    fn language(&self) -> &str {
        self.campaign.map_or(self.ui.lang(), |campaign| campaign.language)
    }

    fn direction(&self) -> &str {
        texts::direction(self.language())
    }

    fn title(&self) -> &str {
        self.ui.text(match self.gone.reason {
            Reason::Unknown => "gone_unknown_title",
            Reason::Expired => "gone_expired_title",
            Reason::Withdrawn | Reason::NotMe => "gone_withdrawn_title",
        })
    }

    /// Whether one can pledge again.
    fn again(&self) -> bool {
        self.gone.reason != Reason::NotMe && self.campaign.is_some_and(|campaign| campaign.open)
    }

    /// A withdrawn pledge needs no mail: its words invite to pledge again.
    fn again_first(&self) -> bool {
        self.gone.reason == Reason::Withdrawn && self.again()
    }

    fn explanation(&self) -> &str {
        self.ui.text(match self.gone.reason {
            Reason::Unknown => "gone_unknown_text",
            Reason::Expired => "gone_expired_text",
            Reason::Withdrawn | Reason::NotMe => "gone_withdrawn_text",
        })
    }
}

#[cfg(test)]
mod tests;
