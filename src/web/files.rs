//! The files that pages load, compiled in. Each has an address with a hash of its content, so that browsers keep it
//! for good and get the new one at once; compressed once at start.

use std::{collections::BTreeMap, sync::Arc};

use rust_embed::Embed;

use crate::http::compressed::Forms;

#[derive(Embed)]
#[folder = "src/web/assets"]
struct Embedded;

/// A file as it is sent.
#[derive(Debug)]
pub struct File {
    /// `Content-Type`.
    pub kind: &'static str,
    /// Its bytes, compressed too.
    pub forms: Forms,
}

/// Every file by the last part of its address.
#[derive(Debug, Default)]
pub struct Files {
    files: BTreeMap<String, Arc<File>>,
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
            let kind = match ending {
                "css" => "text/css; charset=utf-8",
                "js" => "text/javascript; charset=utf-8",
                "svg" => "image/svg+xml",
                "png" => "image/png",
                _ => "application/octet-stream",
            };
            loaded.addresses.insert(name.to_string(), format!("/assets/{address}"));
            loaded.files.insert(address, Arc::new(File { kind, forms: Forms::new(&file.data) }));
        }
        loaded
    }

    /// The address of a file by its name; of one that isn't there, an address that isn't there either.
    pub fn address(&self, name: &str) -> String {
        self.addresses.get(name).cloned().unwrap_or_else(|| format!("/assets/{name}"))
    }

    /// The file at an address.
    pub fn get(&self, address: &str) -> Option<Arc<File>> {
        self.files.get(address).cloned()
    }
}
