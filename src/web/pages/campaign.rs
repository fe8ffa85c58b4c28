//! A campaign and its published totals as the pages show them: addresses, texts to pass on, rows and percentages.

use crate::web::texts::{self, Texts};

/// Countries shown before the list folds.
const TOP_COUNTRIES: usize = 8;

/// A campaign in one language.
#[derive(Debug, Clone)]
pub struct Campaign<'a> {
    /// As in the address.
    pub slug: &'a str,
    /// BCP 47 tag of the texts below.
    pub language: &'a str,
    /// Every language the campaign has, for the switcher.
    pub languages: &'a [String],
    /// Whether it still takes pledges.
    pub open: bool,
    /// One line.
    pub title: &'a str,
    /// One or two sentences.
    pub summary: &'a str,
    /// Paragraphs of plain text.
    pub body: &'a [String],
    /// What supporters pass on; the page's address is added.
    pub share: &'a str,
    /// Plain text; blank lines part paragraphs. Empty when there is none.
    pub privacy_notice: &'a str,
    /// Who answers for the data, and how to reach them.
    pub controller: Option<Controller<'a>>,
}

/// Who answers for the data of a campaign.
#[derive(Debug, Clone, Copy)]
pub struct Controller<'a> {
    /// An organisation or a person.
    pub name: &'a str,
    /// An e-mail address, a web address, or free text.
    pub contact: &'a str,
}

/// The published totals, never the exact ones.
#[derive(Debug, Clone)]
pub struct Totals<'a> {
    /// All pledges that count.
    pub total: i64,
    /// What the campaign wants to reach.
    pub goal: Option<i64>,
    /// ISO 3166-1 code and published count, in any order.
    pub countries: &'a [(String, i64)],
    /// The total less all countries.
    pub elsewhere: i64,
    /// Whether small countries are rounded down (threshold over 1).
    pub rounded: bool,
}

/// A line of the language switcher.
pub(super) struct LanguageLink<'a> {
    pub(super) tag: &'a str,
    pub(super) name: &'a str,
    pub(super) href: String,
    pub(super) current: bool,
}

impl Campaign<'_> {
    pub(super) fn path(&self) -> String {
        format!("/c/{}/{}", self.slug, self.language)
    }

    pub(super) fn dir(&self) -> &'static str {
        texts::direction(self.language)
    }

    pub(super) fn state(&self) -> &'static str {
        if self.open { "open" } else { "closed" }
    }

    pub(super) fn language_links(&self, source: &str) -> Vec<LanguageLink<'_>> {
        let query = serde_urlencoded::to_string([("source", source)]).unwrap_or_default();
        let link = |tag: &str| {
            let mut href = format!("/c/{}/{tag}", self.slug);
            if !source.is_empty() {
                href.push('?');
                href.push_str(&query);
            }
            href
        };
        let tags = self.languages.iter().map(String::as_str);
        tags.map(|tag| LanguageLink {
            tag,
            name: texts::language_name(tag),
            href: link(tag),
            current: tag == self.language,
        })
        .collect()
    }

    /// The text to pass on with the address of the form, unless the organisers put it in already.
    pub(super) fn share_message(&self, public_url: &str) -> String {
        let url = format!("{public_url}{}", self.path());
        if self.share.is_empty() {
            format!("{}\n{url}", self.title)
        } else if self.share.contains(&url) {
            self.share.to_owned()
        } else {
            format!("{}\n{url}", self.share)
        }
    }

    pub(super) fn privacy_paragraphs(&self) -> Vec<&str> {
        self.privacy_notice.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()).collect()
    }
}

impl Controller<'_> {
    /// A link to write to or visit, when the contact is nothing but an address.
    pub(super) fn href(&self) -> Option<String> {
        let contact = self.contact.trim();
        let plain = !contact.contains(char::is_whitespace);
        if plain && (contact.starts_with("https://") || contact.starts_with("http://")) {
            Some(contact.to_owned())
        } else if plain
            && contact.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
        {
            Some(format!("mailto:{contact}"))
        } else {
            None
        }
    }
}

/// A row of the table of countries; `share` is its length in percent of the longest.
pub(super) struct CountryRow<'a> {
    pub(super) code: &'a str,
    pub(super) name: &'a str,
    pub(super) count: String,
    pub(super) share: i64,
}

/// The goal as the counter shows it. `pattern` is the text with a hole for the percentage, for live.js.
pub(super) struct GoalText {
    pub(super) goal: i64,
    pub(super) reached: i64,
    pub(super) percent: i64,
    pub(super) text: String,
    pub(super) pattern: String,
}

impl Totals<'_> {
    pub(super) fn number(&self, ui: &Texts) -> String {
        ui.number(self.total)
    }

    pub(super) fn goal(&self, ui: &Texts) -> Option<GoalText> {
        let goal = self.goal.filter(|goal| *goal > 0)?;
        // Rounded down, so that 100 means reached.
        let percent = i64::try_from(i128::from(self.total) * 100 / i128::from(goal)).unwrap_or(i64::MAX);
        let pattern = ui.fill("goal_text", &[("goal", &ui.number(goal))]);
        let text = pattern.replace("{percent}", &percent.to_string());
        Some(GoalText { goal, reached: self.total.clamp(0, goal), percent, text, pattern })
    }

    pub(super) fn rows<'a>(&'a self, ui: &'a Texts) -> Vec<CountryRow<'a>> {
        let mut shown: Vec<(&str, &str, i64)> = Vec::with_capacity(self.countries.len());
        shown.extend(self.countries.iter().map(|(code, count)| (code.as_str(), ui.country(code), *count)));
        shown.retain(|(.., count)| *count > 0);
        shown.sort_by(|(_, a_name, a), (_, b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
        let most = shown.first().map_or(1, |(.., count)| *count);
        let row = |(code, name, count): (&'a str, &'a str, i64)| CountryRow {
            code,
            name,
            count: ui.number(count),
            share: count.saturating_mul(100) / most,
        };
        shown.into_iter().map(row).collect()
    }

    pub(super) fn top<'a>(&'a self, ui: &'a Texts) -> Vec<CountryRow<'a>> {
        self.rows(ui).into_iter().take(TOP_COUNTRIES).collect()
    }

    pub(super) fn rest<'a>(&'a self, ui: &'a Texts) -> Vec<CountryRow<'a>> {
        self.rows(ui).into_iter().skip(TOP_COUNTRIES).collect()
    }

    /// The formatted rest of the total; `None` when every pledge is in a country that is shown.
    pub(super) fn elsewhere(&self, ui: &Texts) -> Option<String> {
        (self.elsewhere > 0).then(|| ui.number(self.elsewhere))
    }
}
