//! One Kubo, and a world of them, as a pure state machine under a virtual clock.
