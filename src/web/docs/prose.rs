//! The little of Markdown that descriptions in the code use: paragraphs, lists, fenced code, `code`, **bold**, links.
//! Anything else is shown as it was written; escaping is left to the template.

/// A run of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    Plain(String),
    Code(String),
    Bold(String),
    Link { text: String, href: String },
}

/// A paragraph, a list or a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Span>),
    List(Vec<Vec<Span>>),
    Listing(String),
}

/// Reads a description.
pub(super) fn read(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if trimmed.starts_with("```") {
            let listing: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().starts_with("```")).collect();
            blocks.push(Block::Listing(listing.join("\n")));
        } else if let Some(first) = item(trimmed) {
            let mut items = vec![first.to_owned()];
            while let Some(next) = lines.next_if(|line| !line.trim().is_empty()) {
                match (item(next.trim()), items.last_mut()) {
                    (None, Some(last)) => *last = format!("{last} {}", next.trim()),
                    (more, _) => items.push(more.unwrap_or_default().to_owned()),
                }
            }
            blocks.push(Block::List(items.iter().map(|item| spans(item)).collect()));
        } else {
            let mut paragraph = trimmed.trim_start_matches('#').trim_start().to_owned();
            while let Some(next) = lines.next_if(|line| is_more_of_a_paragraph(line)) {
                paragraph = format!("{paragraph} {}", next.trim());
            }
            blocks.push(Block::Paragraph(spans(&paragraph)));
        }
    }
    blocks
}

fn item(line: &str) -> Option<&str> {
    line.strip_prefix("* ").or_else(|| line.strip_prefix("- "))
}

fn is_more_of_a_paragraph(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("```") && item(line).is_none()
}

/// Reads the runs of one line.
fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some((span, after)) = marked(rest) {
            if !plain.is_empty() {
                spans.push(Span::Plain(std::mem::take(&mut plain)));
            }
            spans.push(span);
            rest = after;
        } else {
            plain.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    if !plain.is_empty() {
        spans.push(Span::Plain(plain));
    }
    spans
}

/// A marked run at the very start of `text`, with what follows it.
fn marked(text: &str) -> Option<(Span, &str)> {
    if let Some((inner, after)) = text.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
        return (!inner.is_empty()).then(|| (Span::Bold(inner.to_owned()), after));
    }
    if let Some((inner, after)) = text.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        return (!inner.is_empty()).then(|| (Span::Code(inner.to_owned()), after));
    }
    let (label, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (href, after) = rest.split_once(')')?;
    // Nothing but addresses that can be followed safely: no `javascript:`.
    let safe = ["https://", "http://", "/", "#", "mailto:"].iter().any(|start| href.starts_with(start));
    safe.then(|| (Span::Link { text: label.to_owned(), href: href.to_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_becomes_blocks() {
        let blocks = read("Says `x` and\n**y**.\n\n* one\n  more\n* two\n\n```\ncurl\n```\nSee [docs](/docs).");
        assert_eq!(blocks.len(), 4);
        assert!(
            matches!(&blocks[0], Block::Paragraph(spans) if spans.contains(&Span::Code("x".into())) && spans.contains(&Span::Bold("y".into())))
        );
        assert!(
            matches!(&blocks[1], Block::List(items) if items.len() == 2 && items[0] == [Span::Plain("one more".into())])
        );
        assert_eq!(blocks[2], Block::Listing("curl".into()));
        assert!(
            matches!(&blocks[3], Block::Paragraph(spans) if matches!(&spans[1], Span::Link { href, .. } if href == "/docs"))
        );
    }

    #[test]
    fn what_is_not_understood_stays_as_it_is() {
        for text in ["a ` b", "**", "[x](javascript:alert(1))", "[x]", "``", "ü**ß"] {
            assert_eq!(read(text), [Block::Paragraph(vec![Span::Plain(text.into())])]);
        }
        assert_eq!(read(" \n "), []);
    }
}
