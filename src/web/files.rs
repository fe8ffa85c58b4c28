//! The files that pages load, compiled in. Each has an address with a hash of its content, so that browsers keep it
//! for good and get the new one at once; compressed once. Modules name each other as `"./feed.js"`: the hashed address is
//! put there, so a change of one changes the address of all that load it. What other sites load stands under a plain address too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use rust_embed::Embed;

use super::comments;
use crate::{
    crypto,
    http::compressed::{Kind, Packed},
};

/// The address changes with the content.
const CACHING: &str = "public, max-age=31536000, immutable";

/// The address stays: a change is everywhere within minutes, and an outage of ours breaks nobody's page.
const STABLE_CACHING: &str = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=604800";

/// What is under the address of another release: a page, or a script that other sites keep, may be older or newer than this instance.
const OTHER_RELEASE_CACHING: &str = "public, max-age=60";

/// What other sites load.
const STABLE: [&str; 4] = ["embed.js", "pledge.js", "wall.js", WORLD];

/// The map, see map/README.md.
const WORLD: &str = "world.json";

#[derive(Embed)]
#[folder = "src/web/assets"]
struct Embedded;

/// Every file by the last part of its address.
#[derive(Debug, Default)]
pub struct Files {
    by_address: BTreeMap<String, Arc<Packed>>,
    by_name: BTreeMap<String, Arc<Packed>>,
    stable: BTreeMap<&'static str, Arc<Packed>>,
    addresses: BTreeMap<String, String>,
    integrities: BTreeMap<String, String>,
    imports: BTreeMap<String, Vec<String>>,
}

impl Files {
    /// The files of this program: taken out of the binary once, however many services run in it.
    pub fn load() -> Arc<Self> {
        static LOADED: LazyLock<Arc<Files>> = LazyLock::new(|| {
            let embedded =
                Embedded::iter().filter_map(|name| Some((name.to_string(), Embedded::get(&name)?.data.to_vec())));
            let world = (WORLD.to_owned(), include_bytes!("map/world.json").to_vec());
            Arc::new(Files::of(embedded.chain([world]).collect()))
        });
        LOADED.clone()
    }

    /// Those that load nothing first; then those that load only what has its address already.
    fn of(mut waiting: BTreeMap<String, Vec<u8>>) -> Self {
        let all: BTreeSet<_> = waiting.keys().cloned().collect();
        let loads = |(name, bytes): (&String, &Vec<u8>)| is_module(name).then(|| (name.clone(), loads(bytes, &all)));
        let loads: BTreeMap<_, _> = waiting.iter().filter_map(loads).collect();
        let mut loaded = Self::default();
        while !waiting.is_empty() {
            let knows = |name: &String| loaded.addresses.contains_key(name);
            let next = waiting.keys().find(|name| loads.get(*name).is_none_or(|names| names.iter().all(knows)));
            // Two that load each other are left as they are; a test finds them.
            let Some(name) = next.or_else(|| waiting.keys().next()).cloned() else { break };
            let Some(bytes) = waiting.remove(&name) else { break };
            loaded.imports.insert(name.clone(), imports(&bytes, &all));
            let bytes = if is_module(&name) { loaded.addressed(&bytes, &all) } else { bytes };
            loaded.add(&name, &bytes);
        }
        loaded
    }

    /// As it is sent.
    fn addressed(&self, bytes: &[u8], all: &BTreeSet<String>) -> Vec<u8> {
        let text = comments::left_out(&String::from_utf8_lossy(bytes));
        let names = loads(bytes, all);
        let known = names.iter().filter_map(|name| Some((name, self.addresses.get(name)?)));
        known.fold(text, |text, (name, address)| text.replace(&named(name), &format!("\"{address}\""))).into_bytes()
    }

    fn add(&mut self, name: &str, bytes: &[u8]) {
        let hash = crypto::short_digest(bytes);
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let address = format!("{stem}.{hash}.{ending}");
        let content = match ending {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "json" => "application/json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            _ => "application/octet-stream",
        };
        self.addresses.insert(name.to_owned(), format!("/assets/{address}"));
        self.integrities.insert(name.to_owned(), crypto::integrity(bytes));
        let packed = |caching| Arc::new(Packed::new("file", Kind { content, caching }, bytes));
        self.by_address.insert(address, packed(CACHING));
        self.by_name.insert(name.to_owned(), packed(OTHER_RELEASE_CACHING));
        if let Some(stable) = STABLE.into_iter().find(|stable| *stable == name) {
            self.stable.insert(stable, packed(STABLE_CACHING));
        }
    }

    /// The address of a file by its name; of one that isn't there, an address that isn't there either.
    pub fn address(&self, name: &str) -> String {
        self.addresses.get(name).cloned().unwrap_or_else(|| format!("/assets/{name}"))
    }

    /// What a page may say of a file so that browsers take no other (Subresource Integrity).
    pub fn integrity(&self, name: &str) -> &str {
        self.integrities.get(name).map_or("", String::as_str)
    }

    /// The addresses of all that a module imports, and what they import: a page asks for them at once instead of one after the other.
    /// What a module loads later, or perhaps, is not among them.
    pub fn imported_by(&self, name: &str) -> Vec<String> {
        let (mut found, mut next) = (BTreeSet::new(), vec![name]);
        while let Some(name) = next.pop() {
            let imports = self.imports.get(name).into_iter().flatten();
            next.extend(imports.filter(|import| found.insert(import.as_str())).map(String::as_str));
        }
        found.into_iter().map(|name| self.address(name)).collect()
    }

    /// The file at an address; under that of another release, as it is in this one: better than a form without its scripts.
    pub fn get(&self, address: &str) -> Option<Arc<Packed>> {
        let of_another_release = || {
            let (rest, ending) = address.rsplit_once('.')?;
            let (stem, hash) = rest.rsplit_once('.')?;
            let is_hash = hash.len() == crypto::SHORT_DIGEST_LENGTH
                && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            self.by_name.get(&format!("{stem}.{ending}")).filter(|_| is_hash)
        };
        self.by_address.get(address).or_else(of_another_release).cloned()
    }

    /// The file that other sites know by its name.
    pub fn stable(&self, name: &str) -> Option<&Packed> {
        self.stable.get(name).map(Arc::as_ref)
    }
}

fn is_module(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|ending| ending == "js")
}

fn named(name: &str) -> String {
    format!("\"./{name}\"")
}

/// The files that a module names.
fn loads(bytes: &[u8], all: &BTreeSet<String>) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    all.iter().filter(|name| text.contains(&named(name))).cloned().collect()
}

/// Those of them that it imports before it runs.
fn imports(bytes: &[u8], all: &BTreeSet<String>) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let is_imported =
        |name: &String| ["from", "import"].iter().any(|word| text.contains(&format!("{word} {}", named(name))));
    loads(bytes, all).into_iter().filter(is_imported).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_load_each_other_by_their_hashed_addresses() {
        let files = Files::load();
        for name in Embedded::iter().filter(|name| is_module(name)) {
            let file = Embedded::get(&name).unwrap();
            let all = Embedded::iter().map(|name| name.to_string()).collect();
            let text = String::from_utf8(files.addressed(&file.data, &all)).unwrap();
            for quote in ['"', '\'', '`'] {
                assert!(!text.contains(&format!("{quote}./")), "{name} loads something that has no address");
            }
        }
        let feed = files.address("feed.js");
        assert!(feed.starts_with("/assets/feed.") && files.get(feed.trim_start_matches("/assets/")).is_some());
    }

    #[test]
    fn nothing_that_only_looks_like_a_comment_is_left_out() {
        for name in Embedded::iter().filter(|name| is_module(name)) {
            let file = Embedded::get(&name).unwrap();
            let text = String::from_utf8(file.data.to_vec()).unwrap();
            let sent = comments::left_out(&text);
            assert_eq!(text.lines().count(), sent.lines().count(), "{name}");
            let mut templates = 0;
            for (number, (line, kept)) in text.lines().zip(sent.lines()).enumerate() {
                assert!(line == kept || templates % 2 == 0, "{name}:{}: within a template", number + 1);
                templates += kept.matches('`').count();
            }
        }
    }

    #[test]
    fn a_change_of_one_changes_the_address_of_all_that_load_it() {
        let files = |leaf: &str| {
            let texts = [("a.js", "import \"./b.js\""), ("b.js", "import(\"./c.js\")"), ("c.js", leaf), ("d.css", "x")];
            Files::of(texts.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
        };
        let (one, other) = (files("1"), files("2"));
        for name in ["a.js", "b.js", "c.js"] {
            assert_ne!(one.address(name), other.address(name));
            assert_ne!(one.integrity(name), other.integrity(name));
        }
        assert_eq!(one.address("d.css"), other.address("d.css"));
    }

    #[test]
    fn what_a_module_imports_is_known_and_what_it_loads_later_is_not() {
        let texts = [
            ("a.js", "import { b } from \"./b.js\";\nimport \"./e.js\";\nimport(\"./d.js\")"),
            ("b.js", "export * from \"./c.js\""),
            ("c.js", ""),
            ("d.js", ""),
            ("e.js", ""),
        ];
        let files = Files::of(texts.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect());
        assert_eq!(files.imported_by("a.js"), ["b.js", "c.js", "e.js"].map(|name| files.address(name)));
        assert!(files.imported_by("c.js").is_empty());
        assert!(Files::load().imported_by("form.js").iter().any(|address| address.starts_with("/assets/solve.")));
    }

    #[test]
    fn under_the_address_of_another_release_is_the_file_of_this_one() {
        let files = Files::load();
        let other = |hash: &str| files.get(&format!("solve.{hash}.js"));
        assert!(other(&"0".repeat(crypto::SHORT_DIGEST_LENGTH)).is_some());
        for wrong in ["0", "", &"+".repeat(crypto::SHORT_DIGEST_LENGTH)] {
            assert!(other(wrong).is_none(), "{wrong}");
        }
        assert!(files.get("nothing.000000000000.js").is_none() && files.get("solve.js").is_none());
    }
}
