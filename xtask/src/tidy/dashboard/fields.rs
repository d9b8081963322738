//! How values are shown, whatever the type of the panel.
#![expect(
    dead_code,
    reason = "most fields are here to be known, not to be looked at"
)]

use std::collections::BTreeMap;

use serde::Deserialize;

/// How fields are shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldConfig<C> {
    pub(super) defaults: Defaults<C>,
    pub(super) overrides: Vec<Override>,
}

/// How all fields are shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Defaults<C> {
    pub(super) color: Color,
    pub(super) custom: Option<C>,
    pub(super) decimals: Option<u8>,
    #[serde(default)]
    pub(super) mappings: Vec<Mapping>,
    pub(super) max: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) no_value: Option<String>,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) unit: Unit,
}

/// How one field is shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Override {
    pub(super) matcher: Matcher,
    pub(super) properties: Vec<Property>,
}

/// Which field.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "id",
    content = "options",
    rename_all = "camelCase"
)]
pub(super) enum Matcher {
    ByName(String),
}

/// What of a field is overridden.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "id",
    content = "value",
    rename_all = "camelCase"
)]
pub(super) enum Property {
    Color(Color),
    #[serde(rename = "custom.cellOptions")]
    CellOptions(CellOptions),
    Thresholds(Thresholds),
    Unit(Unit),
}

/// The units that we use, of Grafana's many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Unit {
    #[serde(rename = "bool_yes_no")]
    YesNo,
    #[serde(rename = "bytes")]
    Bytes,
    #[serde(rename = "ops")]
    PerSecond,
    #[serde(rename = "percentunit")]
    Ratio,
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "short")]
    Number,
}

/// Where a colour comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Color {
    pub(super) fixed_color: Option<String>,
    pub(super) mode: ColorMode,
}

/// How a colour is chosen.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ColorMode {
    Fixed,
    PaletteClassic,
    Thresholds,
}

/// Values to words.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "type",
    content = "options",
    rename_all = "lowercase"
)]
pub(super) enum Mapping {
    Value(BTreeMap<String, Mapped>),
}

/// The word for a value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapped {
    pub(super) index: u32,
    pub(super) text: String,
}

/// Colours from values on, in order; the first has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Thresholds {
    pub(super) mode: ThresholdsMode,
    pub(super) steps: Vec<Step>,
}

/// What the steps are measured in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ThresholdsMode {
    Absolute,
}

/// A colour from a value on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) color: String,
    pub(super) value: Option<f64>,
}

/// How a cell is drawn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CellOptions {
    pub(super) r#type: CellType,
}

/// Kinds of cells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CellType {
    Auto,
    ColorText,
}
