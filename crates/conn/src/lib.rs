//! The verified connection: one value per TCP connection, identity first.
