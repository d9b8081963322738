//! The part of Grafana's dashboard model, schema version 42, that our dashboards use. What is not
//! here is refused: a field that Grafana would silently ignore is a mistake.
//!
//! Source: `kinds/dashboard/dashboard_kind.cue` and the panels' own schemas in Grafana's repository.
#![expect(
    dead_code,
    reason = "most fields are here to be known, not to be looked at"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::fields::FieldConfig;

/// A dashboard as it is imported.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Dashboard {
    /// Library panels: we have none.
    #[serde(rename = "__elements")]
    pub(super) elements: Empty,
    /// What the import asks for: nothing, as the data source is a variable. Provisioning, which asks
    /// nobody, takes the same file.
    #[serde(rename = "__inputs")]
    pub(super) inputs: [Empty; 0],
    #[serde(rename = "__requires")]
    pub(super) requires: Vec<Required>,
    pub(super) annotations: List<Annotation>,
    pub(super) description: String,
    pub(super) editable: bool,
    pub(super) fiscal_year_start_month: u8,
    pub(super) graph_tooltip: u8,
    /// Null: each Grafana gives its own.
    pub(super) id: (),
    pub(super) links: [Empty; 0],
    /// Each is a [`Row`] or a [`Panel`] by its `type`.
    pub(super) panels: Vec<Value>,
    pub(super) preload: bool,
    pub(super) refresh: String,
    pub(super) schema_version: u16,
    pub(super) tags: Vec<String>,
    /// Each is a [`DatasourceVariable`] or a [`QueryVariable`] by its `type`.
    pub(super) templating: List<Value>,
    pub(super) time: Range,
    pub(super) timepicker: Empty,
    pub(super) timezone: String,
    pub(super) title: String,
    pub(super) uid: String,
    pub(super) version: u32,
    pub(super) week_start: String,
}

/// An object without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

/// `{list: …}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List<T> {
    pub(super) list: Vec<T>,
}

/// What Grafana must have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Required {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) r#type: RequiredKind,
    pub(super) version: String,
}

/// Kind of a [`Required`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RequiredKind {
    Grafana,
    Datasource,
    Panel,
}

/// Grafana's own annotations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Annotation {
    pub(super) built_in: u8,
    pub(super) datasource: Datasource,
    pub(super) enable: bool,
    pub(super) hide: bool,
    pub(super) icon_color: String,
    pub(super) name: String,
    pub(super) r#type: String,
}

/// A data source: its plugin and its id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Datasource {
    pub(super) r#type: String,
    pub(super) uid: String,
}

/// From when to when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    pub(super) from: String,
    pub(super) to: String,
}

/// Which Prometheus.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct DatasourceVariable {
    pub(super) current: Choice<String>,
    pub(super) hide: u8,
    pub(super) include_all: bool,
    pub(super) label: String,
    pub(super) multi: bool,
    pub(super) name: String,
    pub(super) options: [Empty; 0],
    /// The plugin.
    pub(super) query: String,
    pub(super) refresh: u8,
    pub(super) regex: String,
    pub(super) skip_url_sync: bool,
    pub(super) r#type: String,
}

/// A choice of label values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct QueryVariable {
    pub(super) all_value: String,
    pub(super) current: Choice<Vec<String>>,
    pub(super) datasource: Datasource,
    pub(super) definition: String,
    pub(super) description: String,
    pub(super) hide: u8,
    pub(super) include_all: bool,
    pub(super) label: String,
    pub(super) multi: bool,
    pub(super) name: String,
    pub(super) options: [Empty; 0],
    pub(super) query: VariableQuery,
    pub(super) refresh: u8,
    pub(super) regex: String,
    pub(super) skip_url_sync: bool,
    pub(super) sort: u8,
    pub(super) r#type: String,
}

/// What a variable has chosen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice<T> {
    pub(super) selected: bool,
    pub(super) text: T,
    pub(super) value: T,
}

/// How Prometheus is asked for label values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct VariableQuery {
    pub(super) qry_type: u8,
    pub(super) query: String,
    pub(super) ref_id: String,
}

/// A heading over panels, which follow it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) collapsed: bool,
    pub(super) grid_pos: GridPos,
    pub(super) id: u32,
    pub(super) panels: [Empty; 0],
    pub(super) title: String,
    pub(super) r#type: String,
}

/// A panel with the options `O` of its type and its type's own settings `C` of fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Panel<O, C> {
    pub(super) datasource: Datasource,
    pub(super) description: String,
    pub(super) field_config: FieldConfig<C>,
    pub(super) grid_pos: GridPos,
    pub(super) id: u32,
    pub(super) options: O,
    pub(super) plugin_version: String,
    pub(super) targets: Vec<Target>,
    pub(super) title: String,
    #[serde(default)]
    pub(super) transformations: Vec<Transformation>,
    pub(super) r#type: String,
}

/// A place on the grid, which is 24 wide.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GridPos {
    pub(super) h: u32,
    pub(super) w: u32,
    pub(super) x: u32,
    pub(super) y: u32,
}

/// A query of Prometheus.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) editor_mode: EditorMode,
    pub(super) expr: String,
    pub(super) format: Option<Format>,
    #[serde(default)]
    pub(super) instant: bool,
    pub(super) legend_format: String,
    pub(super) range: bool,
    pub(super) ref_id: String,
}

/// How a query is edited.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EditorMode {
    Code,
}

/// The form of a query's answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    Table,
    TimeSeries,
}

/// What is done to answers before they are shown.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "id",
    content = "options",
    rename_all = "lowercase"
)]
pub(super) enum Transformation {
    Merge(Empty),
    Organize(Organize),
}

/// Columns: which, in which order, under which names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Organize {
    pub(super) exclude_by_name: BTreeMap<String, bool>,
    pub(super) index_by_name: BTreeMap<String, u32>,
    pub(super) rename_by_name: BTreeMap<String, String>,
}
