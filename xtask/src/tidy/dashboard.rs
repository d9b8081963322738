//! Each Grafana dashboard is what Grafana understands, in normal form, and every panel says what it
//! shows and in which unit. That its metrics exist is another check's; that its queries answer is
//! shown by the lab.

mod fields;
mod model;
mod panels;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::fields::Matcher;
use self::model::{
    Dashboard, DatasourceVariable, GridPos, Panel, QueryVariable, RequiredKind, Row, Target,
    Transformation,
};
use super::{Finding, House, line_of};

/// The last version of the model that Grafana calls v1.
const SCHEMA_VERSION: u16 = 42;

/// Width of the grid.
const WIDTH: u32 = 24;

/// The variable that chooses the data source.
const DATASOURCE: &str = "${datasource}";

/// Variables that Grafana itself gives.
const GIVEN: [&str; 1] = ["__rate_interval"];

/// Something that is wrong: a text of the line where, what, and what to do.
struct Fault {
    at: String,
    what: String,
    remedy: &'static str,
}

/// What the rules look at of a panel or a row.
struct Shown {
    id: u32,
    kind: String,
    title: String,
    grid: GridPos,
    /// `None` for a row.
    content: Option<Content>,
}

/// What a panel shows.
struct Content {
    description: String,
    datasource: String,
    targets: Vec<Target>,
    /// Columns by the name that the answer gives them, where the panel renames them.
    columns: Option<BTreeMap<String, String>>,
    /// Names of the fields with settings of their own.
    overridden: Vec<String>,
}

/// JSON whose objects have their keys in order, whatever the parser keeps.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Normal {
    Object(BTreeMap<String, Self>),
    List(Vec<Self>),
    Plain(Value),
}

/// Checks every dashboard.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let boards = house.tree.under("dashboards");
    let boards = boards.filter(|(path, _)| path.ends_with(".json"));
    boards
        .flat_map(|(path, text)| {
            let found = faults(text).into_iter();
            found.map(move |fault| {
                let line = line_of(text, &fault.at);
                Finding::error(path, line, fault.what, fault.remedy)
            })
        })
        .collect()
}

fn faults(text: &str) -> Vec<Fault> {
    let board: Dashboard = match serde_json::from_str(text) {
        Ok(board) => board,
        Err(error) => {
            let what = format!("is no dashboard of Grafana's: {error}");
            return vec![Fault::new(
                "",
                what,
                "mend it, or add the field to xtask/src/tidy/dashboard/",
            )];
        }
    };
    let mut faults = head(&board);
    let mut shown = Vec::new();
    for value in &board.panels {
        match read(value) {
            Ok(panel) => shown.push(panel),
            Err(error) => {
                let title = value["title"].as_str().unwrap_or_default();
                let what = format!("panel `{title}` is not as Grafana wants it: {error}");
                let remedy = "mend it, or add the field to xtask/src/tidy/dashboard/";
                faults.push(Fault::new(title, what, remedy));
            }
        }
    }
    faults.extend(shown.iter().flat_map(alone));
    faults.extend(together(&shown));
    faults.extend(variables(&board, &shown));
    faults.extend(required(&board, &shown));
    faults.extend(normal(text));
    faults
}

/// Rules about the dashboard itself.
fn head(board: &Dashboard) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut expect = |holds: bool, at: &str, what: &str, remedy: &'static str| {
        if !holds {
            faults.push(Fault::new(at, what.to_owned(), remedy));
        }
    };
    expect(
        board.schema_version == SCHEMA_VERSION,
        "\"schemaVersion\"",
        "is of another version of Grafana's model than 42",
        "write it for version 42",
    );
    expect(
        (8..=40).contains(&board.uid.len()),
        "\"uid\"",
        "has a uid that Grafana does not take",
        "give it one of 8 to 40 characters",
    );
    expect(
        board.version > 0 && !board.title.is_empty() && !board.description.is_empty(),
        "\"title\"",
        "has no title, description or version",
        "give it all three",
    );
    faults
}

/// A row or a panel by its type.
fn read(value: &Value) -> Result<Shown, serde_json::Error> {
    match value["type"].as_str().unwrap_or_default() {
        "row" => {
            let row = Row::deserialize(value)?;
            Ok(Shown {
                id: row.id,
                kind: row.r#type,
                title: row.title,
                grid: row.grid_pos,
                content: None,
            })
        }
        "stat" => panel::<panels::Stat, panels::StatField>(value),
        "timeseries" => panel::<panels::TimeSeries, panels::TimeSeriesField>(value),
        "table" => panel::<panels::Table, panels::TableField>(value),
        "state-timeline" => panel::<panels::StateTimeline, panels::StateTimelineField>(value),
        other => Err(serde::de::Error::custom(format!("unknown type `{other}`"))),
    }
}

fn panel<O, C>(value: &Value) -> Result<Shown, serde_json::Error>
where
    O: DeserializeOwned,
    C: DeserializeOwned,
{
    let panel = Panel::<O, C>::deserialize(value)?;
    let columns = panel
        .transformations
        .into_iter()
        .find_map(|step| match step {
            Transformation::Organize(organize) => Some(organize.rename_by_name),
            Transformation::Merge(_) => None,
        });
    let overrides = panel.field_config.overrides.into_iter();
    let overridden = overrides.map(|field| {
        let Matcher::ByName(name) = field.matcher;
        name
    });
    Ok(Shown {
        id: panel.id,
        kind: panel.r#type,
        title: panel.title,
        grid: panel.grid_pos,
        content: Some(Content {
            description: panel.description,
            datasource: panel.datasource.uid,
            targets: panel.targets,
            columns,
            overridden: overridden.collect(),
        }),
    })
}

/// Rules about one panel.
fn alone(panel: &Shown) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut expect = |holds: bool, what: &str, remedy: &'static str| {
        if !holds {
            let what = format!("panel {} `{}` {what}", panel.id, panel.title);
            faults.push(Fault::new(&panel.title, what, remedy));
        }
    };
    let GridPos { h, w, x, .. } = panel.grid;
    expect(!panel.title.is_empty(), "has no title", "say what it shows");
    expect(
        h > 0 && w > 0 && x + w <= WIDTH,
        "is off the grid",
        "the grid is 24 wide",
    );
    let Some(content) = &panel.content else {
        return faults;
    };
    expect(
        content.description.ends_with('.'),
        "has no description",
        "say in a sentence what it means and what is usual",
    );
    expect(
        content.datasource == DATASOURCE,
        "has a data source of its own",
        "use ${datasource}",
    );
    let asks = |target: &Target| !target.expr.trim().is_empty() && !target.ref_id.is_empty();
    expect(
        !content.targets.is_empty() && content.targets.iter().all(asks),
        "has a query without `expr` or `refId`, or none",
        "give each both",
    );
    let ids: BTreeSet<&str> = content.targets.iter().map(|t| t.ref_id.as_str()).collect();
    expect(
        ids.len() == content.targets.len(),
        "has two queries of one `refId`",
        "give each its own",
    );
    if let Some(columns) = &content.columns {
        let named = |target: &Target| columns.contains_key(&format!("Value #{}", target.ref_id));
        expect(
            content.targets.iter().all(named),
            "has a column without a name",
            "name it in `renameByName`",
        );
        let names: BTreeSet<&String> = columns.values().collect();
        expect(
            content.overridden.iter().all(|name| names.contains(name)),
            "has settings for a column that it does not have",
            "take them away, or name the column so",
        );
    }
    faults
}

/// Rules about all panels: own ids, and no two in one place.
fn together(shown: &[Shown]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, panel) in shown.iter().enumerate() {
        for other in &shown[..index] {
            let both = format!("`{}` and `{}`", other.title, panel.title);
            if other.id == panel.id {
                let what = format!("panels {both} have one id");
                faults.push(Fault::new(&panel.title, what, "give each its own"));
            }
            if overlap(other.grid, panel.grid) {
                let what = format!("panels {both} lie upon each other");
                faults.push(Fault::new(&panel.title, what, "move one"));
            }
        }
    }
    faults
}

fn overlap(a: GridPos, b: GridPos) -> bool {
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

/// Every variable that is asked for is there, and every one that is there is asked for.
fn variables(board: &Dashboard, shown: &[Shown]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut defined = BTreeSet::new();
    let mut queries: Vec<String> = Vec::new();
    for value in &board.templating.list {
        let read = match value["type"].as_str() {
            Some("datasource") => DatasourceVariable::deserialize(value).map(|it| it.name),
            _ => QueryVariable::deserialize(value).map(|it| {
                queries.push(it.query.query);
                it.name
            }),
        };
        match read {
            Ok(name) => drop(defined.insert(name)),
            Err(error) => {
                let name = value["name"].as_str().unwrap_or_default();
                let what = format!("variable `{name}` is not as Grafana wants it: {error}");
                faults.push(Fault::new(name, what, "mend it"));
            }
        }
    }
    let contents = shown.iter().filter_map(|panel| panel.content.as_ref());
    for content in contents {
        queries.push(content.datasource.clone());
        queries.extend(content.targets.iter().map(|target| target.expr.clone()));
    }
    let used: BTreeSet<&str> = queries.iter().flat_map(|query| names(query)).collect();
    for name in &used {
        if !defined.contains(*name) && !GIVEN.contains(name) {
            let what = format!("asks for variable `{name}`, which is not defined");
            faults.push(Fault::new(&format!("${name}"), what, "define it"));
        }
    }
    for name in defined.iter().filter(|name| !used.contains(name.as_str())) {
        let what = format!("variable `{name}` is used nowhere");
        faults.push(Fault::new(&format!("\"{name}\""), what, "take it away"));
    }
    faults
}

/// The variables in a text: `$name` or `${name}`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(|rest| {
        let rest = rest.trim_start_matches('{');
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// What the import is told to have is what is used.
fn required(board: &Dashboard, shown: &[Shown]) -> Vec<Fault> {
    let panels = board.requires.iter();
    let panels = panels.filter(|part| part.r#type == RequiredKind::Panel);
    let listed: BTreeSet<&str> = panels.map(|part| part.id.as_str()).collect();
    let panels = shown.iter().filter(|panel| panel.content.is_some());
    let used: BTreeSet<&str> = panels.map(|panel| panel.kind.as_str()).collect();
    if listed == used {
        return Vec::new();
    }
    let what = format!("requires the panels {listed:?} and uses {used:?}");
    vec![Fault::new(
        "\"__requires\"",
        what,
        "list those that it uses",
    )]
}

/// Keys in order, two blanks a level, a newline at the end: a change shows as what it is.
fn normal(text: &str) -> Option<Fault> {
    let parsed: Normal = serde_json::from_str(text).ok()?;
    let mut wanted = serde_json::to_string_pretty(&parsed).ok()?;
    wanted.push('\n');
    let (line, _) = text
        .lines()
        .zip(wanted.lines())
        .find(|(is, wanted)| is != wanted)
        .or_else(|| (text != wanted).then_some(("", "")))?;
    let what = "is not in normal form from here on".to_owned();
    let remedy = "sort the keys and indent by two: `jq --sort-keys --indent 2 .`";
    Some(Fault::new(line, what, remedy))
}

// === impl Fault ===

impl Fault {
    fn new(at: &str, what: String, remedy: &'static str) -> Self {
        Self {
            at: at.to_owned(),
            what,
            remedy,
        }
    }
}
