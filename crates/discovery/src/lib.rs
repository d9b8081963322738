//! Finds the members: pods, nodes, secrets and the members file.
