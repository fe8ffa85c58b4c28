//! Countries as the whole service knows them: a two-letter code, or "prefer not to say".

mod assigned;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use assigned::ASSIGNED;

/// An assigned ISO 3166-1 alpha-2 code, `XK` (Kosovo, in common use and user-assigned), or `ZZ` for "prefer not to
/// say" (which counts in the total and is published in `elsewhere`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// Not a country of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("code:invalid_country")]
pub struct InvalidCountry;

impl Country {
    /// "Prefer not to say".
    pub const WITHHELD: Self = Self(*b"ZZ");

    /// The code, in capitals.
    pub fn as_str(&self) -> &str {
        // Made from ASCII letters only.
        str::from_utf8(&self.0).unwrap_or("ZZ")
    }

    /// Whether the supporter preferred not to say.
    pub fn is_withheld(self) -> bool {
        self == Self::WITHHELD
    }

    /// Every country that can be pledged from, in the order of the codes, `ZZ` last.
    pub fn all() -> impl Iterator<Item = Self> {
        let mut codes: Vec<Self> =
            ASSIGNED.iter().copied().chain(["XK"]).filter_map(|code| code.parse().ok()).collect();
        codes.sort_unstable();
        codes.into_iter().chain([Self::WITHHELD])
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    /// Takes small letters too.
    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        let code: [u8; 2] = text.to_ascii_uppercase().into_bytes().try_into().map_err(|_| InvalidCountry)?;
        let country = Self(code);
        let known = |code: &[u8; 2]| {
            code == b"XK" || code == b"ZZ" || ASSIGNED.binary_search_by(|known| known.as_bytes().cmp(code)).is_ok()
        };
        if known(&code) { Ok(country) } else { Err(InvalidCountry) }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Country {
    fn schema() -> RefOr<Schema> {
        let description = "ISO 3166-1 alpha-2 code, `XK` for Kosovo, or `ZZ` for \"prefer not to say\". Small letters are \
                           taken too.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .enum_values(Some(Self::all().map(|country| country.as_str().to_owned())))
            .examples(["DE"])
            .into()
    }
}

impl ToSchema for Country {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigned_codes_kosovo_and_withheld_are_countries() {
        for code in ["DE", "de", "XK", "ZZ", "AD", "ZW"] {
            assert_eq!(code.parse::<Country>().unwrap().as_str(), code.to_uppercase());
        }
        for code in ["", "D", "DEU", "XX", "AA", "UK", "EU", "é", "D ", "\0\0", "ßß"] {
            assert_eq!(code.parse::<Country>(), Err(InvalidCountry), "{code:?}");
        }
        assert_eq!(Country::all().count(), 251);
    }
}
