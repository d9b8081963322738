//! The lab: the product's processes against a real API server and real nodes.
