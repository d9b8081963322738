//! The pages of the debug face: what of a snapshot each one shows.

use std::collections::BTreeMap;

use kubomesh_core::{
    Action, Call, Held, Link, MemberName, Outcome, PeerId, RecordWrite, SpanText, Timestamp,
};
use serde::Serialize;

use crate::{MeshSnapshot, Snapshot};

/// One page that every mesh has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Members,
    Observations,
    Plan,
    Report,
}

/// `/debug/plan` of one mesh.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanPage<'a> {
    pass: u64,
    trigger: &'a str,
    /// When it was planned.
    at: Timestamp,
    records: &'a [RecordWrite],
    actions: Vec<ActionLine<'a>>,
    outcomes: &'a [Outcome],
    held_back: Vec<HeldLine<'a>>,
    /// Peering entries, retired identities and records that would go were it not for doubt.
    removals_held: u64,
}

/// One call, with the node that gets it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ActionLine<'a> {
    member: &'a MemberName,
    expect: PeerId,
    /// Calls of one sequence go out one after the other and stop at the first failure.
    sequence: usize,
    call: &'a Call,
    text: String,
    link: Option<&'a Link>,
    /// How long the answer may take.
    deadline: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    on_failure: &'a [Call],
}

/// A link for which nothing is done now, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldLine<'a> {
    link: &'a Link,
    /// The reason as a sentence.
    why: String,
    #[serde(flatten)]
    held: &'a Held,
}

// === impl Page ===

/// Path and meaning of every page.
pub(crate) fn index() -> [(&'static str, &'static str); 6] {
    [
        (
            "/debug/members",
            "who is there, and which pods are no members and why",
        ),
        (
            "/debug/observations",
            "what each node last answered, or how it failed",
        ),
        (
            "/debug/plan",
            "the last pass: its calls, what became of them, what was held back",
        ),
        (
            "/debug/report",
            "every link and member with its state and the reason for it",
        ),
        (
            "/debug/config",
            "the settings of this process, secrets redacted",
        ),
        ("/log-level", "the log filter; PUT another one as the body"),
    ]
}

impl Page {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "members" => Some(Self::Members),
            "observations" => Some(Self::Observations),
            "plan" => Some(Self::Plan),
            "report" => Some(Self::Report),
            _ => None,
        }
    }

    /// The page of every mesh, by the mesh's printed id.
    pub(crate) fn all(self, snapshot: &Snapshot) -> serde_json::Result<Vec<u8>> {
        let meshes = &snapshot.meshes;
        match self {
            Self::Members => by_mesh(meshes, |mesh| &mesh.members),
            Self::Observations => by_mesh(meshes, |mesh| &mesh.observations),
            Self::Plan => by_mesh(meshes, PlanPage::of),
            Self::Report => by_mesh(meshes, |mesh| &mesh.report),
        }
    }

    /// The page of one mesh; `null` if it is not there.
    pub(crate) fn one(self, snapshot: &Snapshot, mesh: &str) -> serde_json::Result<Vec<u8>> {
        let mesh = snapshot.meshes.get(mesh);
        match self {
            Self::Members => serde_json::to_vec(&mesh.map(|mesh| &mesh.members)),
            Self::Observations => serde_json::to_vec(&mesh.map(|mesh| &mesh.observations)),
            Self::Plan => serde_json::to_vec(&mesh.map(PlanPage::of)),
            Self::Report => serde_json::to_vec(&mesh.map(|mesh| &mesh.report)),
        }
    }
}

fn by_mesh<'a, T: Serialize>(
    meshes: &'a BTreeMap<String, MeshSnapshot>,
    part: impl Fn(&'a MeshSnapshot) -> T,
) -> serde_json::Result<Vec<u8>> {
    let parts: BTreeMap<&String, T> = meshes.iter().map(|(id, mesh)| (id, part(mesh))).collect();
    serde_json::to_vec(&parts)
}

// === impl PlanPage ===

impl<'a> PlanPage<'a> {
    fn of(mesh: &'a MeshSnapshot) -> Self {
        let MeshSnapshot { plan, report, .. } = mesh;
        let links = report.links.iter().chain(&report.surplus);
        let held_back = links.filter_map(|link| {
            let held = link.held.as_ref()?;
            Some(HeldLine {
                link: &link.link,
                why: held.reason.to_string(),
                held,
            })
        });
        Self {
            pass: mesh.pass,
            trigger: &mesh.trigger,
            at: report.at,
            records: &plan.records,
            actions: actions(plan),
            outcomes: &mesh.outcomes,
            held_back: held_back.collect(),
            removals_held: report.removals_held,
        }
    }
}

fn actions(plan: &kubomesh_core::Plan) -> Vec<ActionLine<'_>> {
    let sequences = plan.sequences.iter().enumerate();
    let lines = sequences.flat_map(|(sequence, of)| {
        of.actions.iter().map(move |action| {
            let Action {
                call,
                deadline,
                on_failure,
                link,
            } = action;
            ActionLine {
                member: &of.member,
                expect: of.expect,
                sequence,
                call,
                text: call.to_string(),
                link: link.as_ref(),
                deadline: SpanText(*deadline).to_string(),
                on_failure,
            }
        })
    });
    lines.collect()
}
