//! FakeKubo, the fleet of fakes and builders, for tests.
