//! The files that pages load, compiled in. Each has an address with a hash of its content, so that browsers keep it
//! for good and get the new one at once; compressed once at start.

use std::{collections::BTreeMap, sync::Arc};

use rust_embed::Embed;

use crate::http::compressed::{Forms, Kind};

/// The address changes with the content.
const CACHING: &str = "public, max-age=31536000, immutable";

#[derive(Embed)]
#[folder = "src/web/assets"]
struct Embedded;

/// Every file by the last part of its address.
#[derive(Debug, Default)]
pub struct Files {
    files: BTreeMap<String, Arc<Forms>>,
    addresses: BTreeMap<String, String>,
}

impl Files {
    /// Takes the files out of the binary.
    pub fn load() -> Self {
        let mut loaded = Self::default();
        for name in Embedded::iter() {
            let Some(file) = Embedded::get(&name) else { continue };
            let hash = crate::crypto::short_digest(&file.data);
            let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
            let address = format!("{stem}.{hash}.{ending}");
            let content = match ending {
                "css" => "text/css; charset=utf-8",
                "js" => "text/javascript; charset=utf-8",
                "svg" => "image/svg+xml",
                "png" => "image/png",
                _ => "application/octet-stream",
            };
            loaded.addresses.insert(name.to_string(), format!("/assets/{address}"));
            let kind = Kind { content, caching: CACHING };
            loaded.files.insert(address, Arc::new(Forms::new("file", kind, &file.data)));
        }
        loaded
    }

    /// The address of a file by its name; of one that isn't there, an address that isn't there either.
    pub fn address(&self, name: &str) -> String {
        self.addresses.get(name).cloned().unwrap_or_else(|| format!("/assets/{name}"))
    }

    /// The file at an address.
    pub fn get(&self, address: &str) -> Option<Arc<Forms>> {
        self.files.get(address).cloned()
    }
}
