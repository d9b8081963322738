//! A typed client of the Kubo RPC verbs that the product uses.
