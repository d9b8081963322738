//! The options of each type of panel that our dashboards use.
#![expect(
    dead_code,
    reason = "most fields are here to be known, not to be looked at"
)]

use serde::Deserialize;

use super::fields::CellOptions;
use super::model::Empty;

/// `stat`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Stat {
    color_mode: StatColor,
    graph_mode: StatGraph,
    justify_mode: Auto,
    orientation: Auto,
    percent_change_color_mode: String,
    reduce_options: Reduce,
    show_percent_change: bool,
    text_mode: StatText,
    wide_layout: bool,
}

/// Fields of a `stat` have no settings of their own.
pub(super) type StatField = Empty;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StatColor {
    Background,
    Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StatGraph {
    Area,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatText {
    Value,
    ValueAndName,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Auto {
    Auto,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reduce {
    calcs: [Calc; 1],
    fields: String,
    values: bool,
}

/// How a series becomes one value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Calc {
    LastNotNull,
    Max,
}

/// `timeseries`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeSeries {
    legend: Legend,
    tooltip: Tooltip,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Legend {
    calcs: Vec<Calc>,
    display_mode: LegendMode,
    placement: Placement,
    show_legend: bool,
    sort_by: Option<LegendSort>,
    sort_desc: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LegendMode {
    List,
    Table,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Placement {
    Bottom,
    Right,
}

/// A column of the legend's table, by its heading.
#[derive(Debug, Deserialize)]
enum LegendSort {
    #[serde(rename = "Last *")]
    Last,
    Max,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Tooltip {
    hide_zeros: Option<bool>,
    mode: TooltipMode,
    sort: Order,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TooltipMode {
    Multi,
    Single,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Desc,
    None,
}

/// A field of a `timeseries`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TimeSeriesField {
    draw_style: DrawStyle,
    fill_opacity: u8,
    line_interpolation: Interpolation,
    line_width: u8,
    show_points: ShowPoints,
    span_nulls: bool,
    stacking: Stacking,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DrawStyle {
    Line,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Interpolation {
    Linear,
    StepAfter,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ShowPoints {
    Never,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stacking {
    group: String,
    mode: StackingMode,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StackingMode {
    None,
    Normal,
}

/// `table`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Table {
    cell_height: CellHeight,
    frame_index: u32,
    show_header: bool,
    sort_by: Vec<SortBy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CellHeight {
    Sm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SortBy {
    desc: bool,
    display_name: String,
}

/// A column of a `table`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TableField {
    align: Auto,
    cell_options: CellOptions,
    filterable: bool,
    inspect: bool,
}

/// `state-timeline`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct StateTimeline {
    align_value: Align,
    legend: Legend,
    merge_values: bool,
    row_height: f64,
    show_value: Auto,
    tooltip: Tooltip,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Align {
    Left,
}

/// A field of a `state-timeline`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct StateTimelineField {
    fill_opacity: u8,
    line_width: u8,
    span_nulls: bool,
}
