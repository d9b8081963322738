//! What is known while a watch is late: every order of a few writes of ours and of others.

use std::collections::BTreeMap;

use kubomesh_core::{OwnWrites, Versioned};

const KEY: &str = "a";

/// Steps of a story; all stories of so many are played.
const STEPS: u32 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Object {
    uid: u64,
    version: u64,
}

impl Versioned for Object {
    fn version(&self) -> u64 {
        self.version
    }

    fn is_same_object(&self, other: &Self) -> bool {
        self.uid == other.uid
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// We write or delete, with what we know as the precondition.
    Put,
    Delete,
    /// Somebody else does.
    OtherPut,
    OtherDelete,
    /// Something else in the store changes.
    Elsewhere,
    /// The watch tells of one change, or of all there are as one.
    Hear,
    HearAll,
}

const ALL: [Step; 7] = [
    Step::Put,
    Step::Delete,
    Step::OtherPut,
    Step::OtherDelete,
    Step::Elsewhere,
    Step::Hear,
    Step::HearAll,
];

/// A store with one object that we write, and a watch of it. A change's number is its version.
struct Story {
    /// What stood at each version.
    past: Vec<Option<Object>>,
    uids: u64,
    heard: BTreeMap<&'static str, Object>,
    heard_version: usize,
    own: OwnWrites<&'static str, Object>,
    /// The latest version that we have been shown.
    shown: usize,
}

impl Story {
    fn new() -> Self {
        Self {
            past: vec![None],
            uids: 0,
            heard: BTreeMap::new(),
            heard_version: 0,
            own: OwnWrites::default(),
            shown: 0,
        }
    }

    fn now(&self) -> usize {
        self.past.len() - 1
    }

    fn stands(&self) -> Option<Object> {
        self.past[self.now()]
    }

    fn known(&self) -> Option<Object> {
        self.own.over(KEY, self.heard.get(KEY)).copied()
    }

    fn put(&mut self) {
        self.uids += u64::from(self.stands().is_none());
        let uid = self.stands().map_or(self.uids, |object| object.uid);
        let version = self.past.len() as u64;
        self.past.push(Some(Object { uid, version }));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Put | Step::Delete if self.known() != self.stands() => self.read_again(),
            Step::Put => {
                self.put();
                self.read_again();
            }
            Step::OtherPut => self.put(),
            Step::Delete => {
                let Some(before) = self.known() else { return };
                self.past.push(None);
                self.own.gone(KEY, before);
                self.shown = self.now();
            }
            Step::OtherDelete => self.past.push(None),
            Step::Elsewhere => self.past.push(self.stands()),
            Step::Hear => self.hear(self.now().min(self.heard_version + 1)),
            Step::HearAll => self.hear(self.now()),
        }
    }

    /// What an answer or a conflict shows.
    fn read_again(&mut self) {
        match (self.stands(), self.known()) {
            (Some(object), _) => {
                self.own.stands(KEY, object, self.heard_version as u64);
                self.shown = self.now();
            }
            (None, Some(before)) => {
                self.own.gone(KEY, before);
                // It does not say when it went.
                let is = |past: &Option<Object>| past.is_some_and(|past| past.uid == before.uid);
                let last = self.past.iter().rposition(is).unwrap_or_default();
                self.shown = self.shown.max(last + 1);
            }
            (None, None) => {}
        }
    }

    fn hear(&mut self, version: usize) {
        self.heard_version = version;
        match self.past[self.heard_version] {
            Some(object) => drop(self.heard.insert(KEY, object)),
            None => drop(self.heard.remove(KEY)),
        }
        self.own.heard(self.heard_version as u64, &self.heard);
        self.shown = self.shown.max(self.heard_version);
    }
}

#[test]
fn nothing_that_was_shown_is_turned_back_and_in_the_end_all_is_known() {
    let all = ALL.len();
    for number in 0..all.pow(STEPS) {
        let steps = (0..STEPS).map(|at| ALL[number / all.pow(at) % all]);
        let steps: Vec<Step> = steps.collect();
        let mut story = Story::new();
        for (at, step) in steps.iter().enumerate() {
            story.step(*step);
            let since = &story.past[story.shown..];
            let known = story.known();
            assert!(
                since.contains(&known),
                "{known:?} after {:?}",
                &steps[..=at]
            );
        }
        while story.heard_version < story.now() {
            story.step(Step::Hear);
            let since = &story.past[story.shown..];
            assert!(since.contains(&story.known()), "hearing of {steps:?}");
        }
        assert_eq!(story.known(), story.stands(), "{steps:?}");
        assert_eq!(story.own.keys().count(), 0, "{steps:?} is remembered");
    }
}

#[test]
fn versions_that_are_no_numbers_leave_the_watch_alone() {
    let mut own = OwnWrites::default();
    let (shown, heard) = ([1, 2].map(|uid| Object { uid, version: 0 })).into();
    own.stands(KEY, shown, 0);
    assert_eq!(own.over(KEY, Some(&heard)), Some(&heard));
}
