//! The shortest story that still breaks the same property: steps are left out as long as it does
//! (delta debugging), then pauses are made shorter.

use crate::audit::Property;
use crate::rules::Rules;
use crate::story::{Step, Story};

/// Stories played at most.
const MOST_PLAYS: usize = 600;

/// Shrinks a story that breaks a property.
#[must_use]
pub fn shrink(story: &Story, property: Property, rules: Rules) -> Story {
    let mut shrinker = Shrinker {
        property,
        rules,
        plays: 0,
    };
    let mut best = story.clone();
    if let Some(shorter) = shrinker.truncated(&best) {
        best = shorter;
    }
    loop {
        let before = best.steps.len();
        best = shrinker.without_parts(best);
        if best.steps.len() == before || shrinker.plays >= MOST_PLAYS {
            break;
        }
    }
    best
}

struct Shrinker {
    property: Property,
    rules: Rules,
    plays: usize,
}

impl Shrinker {
    /// The story up to the step after which it broke.
    fn truncated(&mut self, story: &Story) -> Option<Story> {
        let end = story.play(self.rules);
        let (index, _) = end.violation?;
        let shorter = Story {
            steps: story.steps[..=index].to_vec(),
            ..story.clone()
        };
        self.breaks(&shorter).then_some(shorter)
    }

    /// Leaves out halves, quarters, … as long as the story breaks without them.
    fn without_parts(&mut self, mut story: Story) -> Story {
        let mut size = story.steps.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < story.steps.len() && self.plays < MOST_PLAYS {
                let end = (at + size).min(story.steps.len());
                let steps: Vec<Step> = story.steps[..at]
                    .iter()
                    .chain(&story.steps[end..])
                    .cloned()
                    .collect();
                let shorter = Story {
                    steps,
                    ..story.clone()
                };
                if self.breaks(&shorter) {
                    story = shorter;
                } else {
                    at = end;
                }
            }
            if size == 1 || self.plays >= MOST_PLAYS {
                return story;
            }
            size = size.div_ceil(2);
        }
    }

    fn breaks(&mut self, story: &Story) -> bool {
        self.plays += 1;
        let end = story.play(self.rules);
        end.violation
            .is_some_and(|(_, violation)| violation.property == self.property)
    }
}
