//! Scripts as they are sent: their comments are for whoever reads the source, and a seventh of what the console weighs.

/// The script with its comments' lines left empty, so that the others keep their numbers. Comments are what stands on lines of its
/// own: each that begins with `//`, and what a line begins with `/*` for, to its `*/`. What only looks like one, within a template of
/// several lines, would go as well: a test of [`super::files`] finds that.
pub(super) fn left_out(script: &str) -> String {
    let mut within = false;
    let mut kept = String::with_capacity(script.len());
    for line in script.lines() {
        let text = line.trim();
        within |= text.starts_with("/*");
        let code = match text.split_once("*/") {
            Some((_, after)) if within => {
                within = false;
                after.trim_start()
            }
            _ if within || text.starts_with("//") => "",
            _ => line,
        };
        kept.push_str(code);
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_lines_keep_their_numbers() {
        let script = "// What it is.\n/** One line. */\nrun(); // stays\n  /**\n   * Several.\n   */\n/* a */ stays();\nconst x = \"//\";\n";
        assert_eq!(left_out(script), "\n\nrun(); // stays\n\n\n\nstays();\nconst x = \"//\";\n");
    }
}
