//! A Kubernetes Lease: one holder, published on a watch, checked at every write.
