//! The words that are sent, each found nowhere else. One for each thing that somebody can send, so that a leak says what
//! leaked.

macro_rules! words {
    ($stem:ident, $all:ident: $($(#[doc = $doc:literal])* $name:ident = $word:literal;)+) => {
        $($(#[doc = $doc])* pub const $name: &str = $word;)+
        pub const $all: &[&str] = &[$($name),+];
    };
}

/// All words of [`SECRET`] begin so.
pub const SECRET_STEM: &str = "Zqxcanary";

words! { SECRET_STEM, SECRET:
    NAME = "Zqxcanaryname";
    MAIL = "Zqxcanarymail";
    DOMAIN = "Zqxcanarydomain";
    MESSAGE = "Zqxcanarymessage";
    KEY = "Zqxcanarykey";
    /// What a wrong form comes back with.
    AGAIN = "Zqxcanaryagain";
    /// Values that are not taken, and bodies that can't be read.
    WRONG = "Zqxcanarywrong";
    /// A name that no field has: it comes back as a pointer.
    FIELD = "Zqxcanaryfield";
    PATH = "Zqxcanarypath";
    QUERY = "Zqxcanaryquery";
    AGENT = "Zqxcanaryagent";
    REFERER = "Zqxcanaryreferer";
    FORWARDED = "Zqxcanaryforwarded";
    COOKIE = "Zqxcanarycookie";
    TOKEN = "Zqxcanarytoken";
    HEADER = "Zqxcanaryheader";
    METHOD = "Zqxcanarymethod";
    LOGIN = "Zqxcanarylogin";
    PASSWORD = "Zqxcanarypassword";
    /// What a hostile trigger says.
    TRAP = "Zqxcanarytrap";
}

/// All words of [`KEPT`] begin so.
pub const KEPT_STEM: &str = "Zqxinclear";

words! { KEPT_STEM, KEPT:
    /// Where a pledge came from: kept in clear in the database, and told nowhere else.
    SOURCE = "Zqxinclearsource";
    /// Why a moderator removed, and why undid: kept for the audit log.
    NOTE = "Zqxinclearnote";
    UNDO = "Zqxinclearundo";
}
