//! What can be wrong with a field, once for the whole service; `/docs/problems` is printed from it.

use std::fmt;

macro_rules! field_codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $code:literal;)+) => {
        /// Why a field was refused: the stable `code` beside a `pointer`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FieldCode { $($(#[doc = $meaning])+ $name,)+ }

        impl FieldCode {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning,)+).trim_ascii(),)+ }
            }
        }
    };
}

field_codes! {
    /// This field must be filled in.
    Required = "required";
    /// The value is of another type than this field takes.
    WrongType = "wrong_type";
    /// There is no such field, or it may not be set.
    UnknownField = "unknown_field";
    /// The field came twice.
    DuplicateField = "duplicate_field";
    /// The value is none of those that this field takes.
    NotAllowed = "not_allowed";
    /// The number is smaller or larger than this field takes.
    OutOfRange = "out_of_range";
    /// The text has more characters than this field takes.
    TooLong = "too_long";
    /// The text shows fewer characters than this field needs, for example only invisible ones.
    TooShort = "too_short";
    /// The list has more entries than this field takes.
    TooMany = "too_many";
    /// The text contains a character that no text may have, such as a control character, a line break in a one-line
    /// field, or a code point without a meaning.
    InvalidText = "invalid_text";
    /// The text contains a character that changes the direction of the text around it.
    BidiOverride = "bidi_override";
    /// A name must not contain a web address.
    ContainsLink = "contains_link";
    /// This is not an e-mail address that mail can be sent to.
    InvalidEmail = "invalid_email";
    /// The password has fewer than eight characters that aren't a common word, a row of keys, or the login.
    EasyToGuess = "easy_to_guess";
    /// This is not the code that the app shows now, or it was used before.
    InvalidCode = "invalid_code";
    /// A login is small letters, digits and single . _ -, 63 at the most.
    InvalidLogin = "invalid_login";
    /// There is no campaign with this name.
    UnknownCampaign = "unknown_campaign";
    /// This is not an ISO 3166-1 alpha-2 country code, XK, or ZZ for "prefer not to say".
    InvalidCountry = "invalid_country";
    /// This is not a well-formed BCP 47 language tag.
    InvalidLanguage = "invalid_language";
    /// The source must be one line of printable text.
    InvalidSource = "invalid_source";
    /// This is not an origin, such as https://www.example.org, or https://*.example.org for every subdomain.
    InvalidOrigin = "invalid_origin";
    /// This is not the domain of a mailbox, such as example.org.
    InvalidDomain = "invalid_domain";
    /// This is not the tag of a source: 16 hexadecimal digits, as they stand with a pledge.
    InvalidSourceTag = "invalid_source_tag";
    /// A pattern has eight stars at the most.
    InvalidPattern = "invalid_pattern";
    /// The campaign has no partner with this id.
    UnknownPartner = "unknown_partner";
    /// This is no proof of work for this pledge, or it isn't solved. Get a new challenge and solve it.
    InvalidProof = "invalid_proof";
    /// The challenge of this proof of work has expired. Get a new one and solve it.
    ExpiredProof = "expired_proof";
    /// This is not a time in RFC 3339, such as 2026-11-23T12:00:00Z.
    InvalidTime = "invalid_time";
    /// The time is not after the one that the range begins with.
    EmptyRange = "empty_range";
    /// The range has more intervals than one answer has (3,000). Ask for a shorter one, or for longer intervals.
    RangeTooLong = "range_too_long";
    /// The range ends before anything that is still kept: minutes are, for 48 hours.
    TooLongAgo = "too_long_ago";
    /// This is not a cursor that an answer gave.
    InvalidCursor = "invalid_cursor";
    /// This campaign does not ask for this field.
    NotAsked = "not_asked";
    /// This campaign never showed this version of this consent text.
    UnknownConsent = "unknown_consent";
}

impl fmt::Display for FieldCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for FieldCode {}

impl From<FieldCode> for String {
    fn from(code: FieldCode) -> Self {
        code.as_str().to_owned()
    }
}
