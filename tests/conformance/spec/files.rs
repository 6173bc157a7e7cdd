//! The files of `tests/spec`.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value as Json;

/// One file, which is one subject.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    subject: String,
    #[serde(rename = "about")]
    _about: String,
    scenarios: Vec<Scenario>,
}

/// One scenario, as it is written in its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(skip)]
    pub(crate) subject: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    #[serde(default)]
    given: Vec<String>,
    #[serde(default)]
    pub(crate) setup: Vec<String>,
    pub(crate) open: Option<Json>,
    pub(crate) steps: Vec<Json>,
}

/// Reads all files, and puts the fixtures before each scenario's own SQL.
///
/// # Errors
/// Names the file and what is wrong with it.
pub(crate) fn read(folder: &Path) -> Result<Vec<Scenario>, String> {
    let text = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let fixtures: HashMap<String, Vec<String>> =
        serde_json::from_str(&text(&folder.join("fixtures.json"))?)
            .map_err(|error| format!("fixtures.json: {error}"))?;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| !path.ends_with("fixtures.json"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let name = file.display();
        let subject: Subject =
            serde_json::from_str(&text(&file)?).map_err(|error| format!("{name}: {error}"))?;
        if file.file_stem().is_none_or(|stem| *stem != *subject.subject) {
            return Err(format!("{name} has the subject {:?}", subject.subject));
        }
        for mut scenario in subject.scenarios {
            let mut setup = Vec::new();
            for fixture in &scenario.given {
                let known = fixtures.get(fixture);
                setup.extend_from_slice(known.ok_or_else(|| {
                    format!("{name}: {:?} is given {fixture:?}, which is no fixture", scenario.name)
                })?);
            }
            setup.append(&mut scenario.setup);
            scenario.setup = setup;
            scenario.subject.clone_from(&subject.subject);
            all.push(scenario);
        }
    }
    Ok(all)
}
