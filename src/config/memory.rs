//! How much memory the process uses for what can grow.

use serde::Deserialize;

use super::Faults;
use crate::memory;

/// The section `memory`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Bytes of memory that the process may use. Absent: the limit of its cgroup, or the memory of the machine.
    pub limit_bytes: Option<u64>,
    /// Most bytes of bodies in flight. Absent: two fifths of the memory.
    pub bodies_max_bytes: Option<u64>,
}

impl Memory {
    pub(super) fn validate(&self, faults: &mut Faults) {
        for (name, value) in [("memory.limit_bytes", self.limit_bytes), ("memory.bodies_max_bytes", self.bodies_max_bytes)] {
            if let Some(bytes) = value {
                faults.at_least_one(name, bytes);
            }
        }
    }

    /// Most bytes of bodies in flight, and of all caches together.
    pub fn shares(&self) -> (u64, u64) {
        let (bodies, caches) = memory::shares(self.limit_bytes.unwrap_or_else(memory::available));
        (self.bodies_max_bytes.unwrap_or(bodies), caches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_win_over_the_shares_of_the_memory() {
        let memory = |limit_bytes, bodies_max_bytes| Memory { limit_bytes, bodies_max_bytes };
        assert_eq!(memory(Some(500), None).shares(), (200, 100));
        assert_eq!(memory(Some(500), Some(7)).shares(), (7, 100));
        assert!(memory(None, None).shares().0 > 1_000_000, "a machine has some memory");
    }
}
