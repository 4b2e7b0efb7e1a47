//! What the layers tell apart by a call's path.

/// Whether somebody asks for the health: that is answered whatever else is refused, for probes have no proof and learn nothing else.
pub(in crate::server) fn is_health(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
}

/// Whether the call is a stream of changes, which lasts as long as its caller wants.
pub(super) fn is_watch(path: &str) -> bool {
    WATCHES.contains(&path)
}

/// The streams of changes.
pub(super) const WATCHES: [&str; 2] = ["/sangam.v1.JourneyService/WatchStatus", "/sangam.v1.JourneyService/WatchJourneys"];

/// Whether the call asks for the contract's descriptors.
pub(super) fn is_reflection(path: &str) -> bool {
    path.starts_with("/grpc.reflection.")
}

/// Whether the call is a stream that lasts as long as its caller wants: streams of changes, and watches of the health.
pub(super) fn is_open_ended(path: &str) -> bool {
    is_watch(path) || path == "/grpc.health.v1.Health/Watch"
}
