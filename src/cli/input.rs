//! JSON files that are handed over at the command line.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

/// Ends with every mistake of a file.
///
/// # Errors
/// When there is one.
pub fn refuse(file: &Path, mistakes: &[String]) -> anyhow::Result<()> {
    if mistakes.is_empty() { Ok(()) } else { bail!("{}: {}", file.display(), mistakes.join("; ")) }
}

/// Reads a JSON file.
///
/// # Errors
/// The place and what is wrong there.
pub fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let value = serde_path_to_error::deserialize(&mut deserializer).with_context(|| file.display().to_string())?;
    deserializer.end().with_context(|| file.display().to_string())?;
    Ok(value)
}
