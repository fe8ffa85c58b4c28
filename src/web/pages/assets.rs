//! The files that pages load, by their addresses.

/// The addresses of the static files, with their content hashes.
#[derive(Debug, Clone)]
pub struct Assets {
    /// `site.css`
    pub css: String,
    /// `live.js`
    pub live: String,
    /// `favicon.svg`
    pub favicon: String,
    /// `card.png`, the picture of a shared link (1200 × 630)
    pub card: String,
    /// `form.js`
    pub form: String,
    /// What it imports.
    pub form_modules: Vec<String>,
    /// `frame.js`
    pub frame: String,
    /// `look.js`, which frame.js loads where a look is asked for
    pub look: String,
    /// `dashboard.js`
    pub dashboard: String,
    /// What it imports, and the map, which it loads as soon as it runs.
    pub dashboard_modules: Vec<String>,
    /// `dashboard.css`
    pub dashboard_css: String,
    /// `partners.js`
    pub partners: String,
    /// What it imports.
    pub partners_modules: Vec<String>,
    /// `partners.css`
    pub partners_css: String,
    /// `console.js`
    pub console: String,
    /// What it imports.
    pub console_modules: Vec<String>,
    /// `console.css`
    pub console_css: String,
    /// `embed.js` as it is now
    pub embed: String,
    /// `world.json`
    pub world: String,
}

impl Assets {
    /// Asks `url` for the address of each file by its name, and `imported_by` for those of all that one imports.
    pub fn new(url: impl Fn(&str) -> String, imported_by: impl Fn(&str) -> Vec<String>) -> Assets {
        let mut dashboard_modules = imported_by("dashboard.js");
        dashboard_modules.push(url("map.js"));
        dashboard_modules.extend(imported_by("map.js"));
        Assets {
            css: url("site.css"),
            live: url("live.js"),
            favicon: url("favicon.svg"),
            card: url("card.png"),
            form: url("form.js"),
            form_modules: imported_by("form.js"),
            frame: url("frame.js"),
            look: url("look.js"),
            dashboard: url("dashboard.js"),
            dashboard_modules,
            dashboard_css: url("dashboard.css"),
            partners: url("partners.js"),
            partners_modules: imported_by("partners.js"),
            partners_css: url("partners.css"),
            console: url("console.js"),
            console_modules: imported_by("console.js"),
            console_css: url("console.css"),
            embed: url("embed.js"),
            world: url("world.json"),
        }
    }
}
