//! What the YAML parser says, in words for who writes members files, not for who writes parsers.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::number::too_large;

const NESTED: &str = "it is nested too deeply: a member is a flat list of fields";

/// Where it is and what to do about it: one line.
pub(super) fn malformed(error: &Error, text: &str) -> String {
    let said = match too_large(error, text) {
        Some(_) => "the number here is too large for any field: write a smaller one".into(),
        None => sentence(error),
    };
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match error.location() {
        Some(at) => format!("line {}, column {}: {said}", at.line(), at.column()),
        None => said,
    }
}

fn sentence(error: &Error) -> String {
    let plain = match error.without_snippet() {
        Error::AliasError { error, .. } => return sentence(error),
        Error::Message { msg, .. } => return msg.clone(),
        Error::ExternalMessage { msg, .. } if msg.contains("recursion limit") => NESTED,
        Error::ExternalMessage { msg, .. } => {
            return format!(
                "this is no YAML ({msg}): look at the indentation, brackets and quotes here"
            );
        }
        Error::Budget { breach, .. } => return too_much(breach),
        Error::Unexpected { expected, .. } => return wanted(expected),
        Error::SerdeMissingField { field, .. } => {
            return format!("the field `{field}` is missing: write it");
        }
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => {
            let unexpected = unexpected.replace("unit value", "nothing");
            let unexpected = unexpected.replace("floating point", "the number");
            let expected = expected.replace("IntOrString", "a smaller whole number, or a word");
            return format!("here stands {unexpected}: write {expected}");
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => return format!("here stands `{variant}`: write {}", expected.join(" or ")),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this one");
            return format!("the field `{key}` is there twice: keep one");
        }
        Error::InvalidScalar { ty, .. } if ty.starts_with(['i', 'u']) => {
            "a whole number is wanted here: write one"
        }
        Error::InvalidScalar { ty, .. } => {
            return format!("the value is not of the kind `{ty}`: write one that is");
        }
        Error::QuotingRequired { value, .. } => {
            return format!("the text `{value}` can be taken for something else: quote it");
        }
        Error::Eof { .. } => "it ends too early: look for a bracket or quote that is not closed",
        Error::MultipleDocuments { .. } => {
            "here begins a second YAML document: remove the `---` and what follows it"
        }
        Error::NullIntoString { .. } => {
            "a text is wanted here and there is none: write it, or leave the field out"
        }
        Error::RecursiveReferencesRequireWeakTypes { .. }
        | Error::UnknownAnchor { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::MergeValueNotMapOrSeqOfMaps { .. }
        | Error::MergeKeyNotAllowed { .. } => {
            "an anchor or alias (`&`, `*`, `<<`) here leads nowhere, to itself or to too much: write \
             the values out"
        }
        Error::IndentationError { .. } | Error::FoldedBlockScalarMustIndentContent { .. } => {
            "the indentation is wrong here: give all fields of a member the same"
        }
        Error::UnsupportedTag { .. }
        | Error::TaggedStructFieldName { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. } => {
            "a YAML tag (`!…`) has no meaning here: remove it"
        }
        Error::InvalidBooleanStrict { .. } => "write true or false here",
        other => return format!("it cannot be understood here ({other})"),
    };
    plain.into()
}

fn wanted(expected: &str) -> String {
    let wanted = if expected.contains("mapping") {
        "fields with their values (`name: …`)"
    } else if expected.contains("sequence") {
        "a list (`- …`)"
    } else if expected.contains("scalar") || expected.contains("string") {
        "a single value"
    } else {
        return format!("something else than {expected} stands here: correct it");
    };
    format!("something else stands here: write {wanted}")
}

fn too_much(breach: &BudgetBreach) -> String {
    let sentence = match breach {
        BudgetBreach::Depth { .. } => NESTED,
        BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => {
            "it has too many anchors and aliases (`&`, `*`): write the values out"
        }
        BudgetBreach::Documents { .. } => {
            "here begins another YAML document: remove the `---` and what follows it"
        }
        BudgetBreach::Nodes { nodes } => {
            return format!(
                "it has more than {} fields and values: write fewer members, and give the others \
                 to another controller",
                nodes - 1
            );
        }
        _ => {
            "it is larger than a members file can be: write fewer members, and give the others to \
              another controller"
        }
    };
    sentence.into()
}
