//! No part of the contract is left out.

use kubomesh_testkit::contract::load;

use super::SCENARIOS;
use crate::registry::Play;

#[test]
fn every_recording_is_played_by_one_scenario() {
    for recording in load().unwrap() {
        let topic = recording.topic();
        let plays = SCENARIOS.iter().filter(
            |scenario| matches!(scenario.play, Play::Contract(played) if Some(played) == topic),
        );
        assert_eq!(plays.count(), 1, "{}", recording.name);
    }
}
