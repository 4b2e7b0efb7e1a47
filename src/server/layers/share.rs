//! The part of the process's places that one tenant and one caller hold at once, so that none of them takes all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{access::Caller, journey::error::Exceeded};

/// When to try again: a call has to end first.
const SOON: Duration = Duration::from_secs(1);

/// Whom a share is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharers {
    /// Each tenant: there are several.
    pub tenants: bool,
    /// Each caller: callers are authenticated.
    pub callers: bool,
}

/// The places that are held, by holder.
#[derive(Debug)]
pub struct Shares {
    calls: usize,
    watches: usize,
    sharers: Sharers,
    held: Mutex<HashMap<Holder, usize>>,
}

/// A tenant, or one of its callers, with one kind of places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Holder {
    tenant: Arc<str>,
    caller: Option<Arc<str>>,
    is_watch: bool,
}

impl Shares {
    /// Shares of so many places for calls and for watches.
    pub fn new(calls: usize, watches: usize, sharers: Sharers) -> Self {
        Self { calls, watches, sharers, held: Mutex::default() }
    }

    /// Takes a place for a call, if its tenant and its caller have one left.
    pub(super) fn take(self: &Arc<Self>, caller: &Caller, is_watch: bool) -> Result<Share, Exceeded> {
        let most = if is_watch { self.watches } else { self.calls };
        let holder = |name| Holder { tenant: caller.tenant.clone(), caller: name, is_watch };
        let tenant = self.sharers.tenants.then(|| holder(None));
        let own = self.sharers.callers.then(|| holder(Some(caller.name.clone())));
        let holders = [tenant, own];
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if holders.iter().flatten().any(|holder| held.get(holder).is_some_and(|count| *count >= most)) {
            return Err(Exceeded { limit: "max_share_percent", after: SOON });
        }
        for holder in holders.iter().flatten() {
            *held.entry(holder.clone()).or_default() += 1;
        }
        drop(held);
        Ok(Share { of: self.clone(), holders })
    }
}

/// A place of a tenant and of a caller, until the value is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<Shares>,
    holders: [Option<Holder>; 2],
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        for holder in self.holders.iter().flatten() {
            let Some(count) = held.get_mut(holder) else { continue };
            *count -= 1;
            // Names come from tokens: only those with calls in progress are kept.
            if *count == 0 {
                held.remove(holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scopes;

    fn caller(tenant: &str, name: &str) -> Caller {
        Caller { tenant: tenant.into(), name: name.into(), scopes: Scopes::all() }
    }

    fn shares(tenants: bool, callers: bool) -> Arc<Shares> {
        Arc::new(Shares::new(2, 1, Sharers { tenants, callers }))
    }

    #[test]
    fn one_tenant_takes_its_share_only() {
        let shares = shares(true, false);
        let _held = [shares.take(&caller("a", "x"), false).unwrap(), shares.take(&caller("a", "y"), false).unwrap()];
        assert_eq!(shares.take(&caller("a", "z"), false).unwrap_err().limit, "max_share_percent");
        assert!(shares.take(&caller("b", "x"), false).is_ok());
    }

    #[test]
    fn one_caller_takes_its_share_only() {
        let shares = shares(false, true);
        let held = [shares.take(&caller("a", "x"), false).unwrap(), shares.take(&caller("a", "x"), false).unwrap()];
        assert!(shares.take(&caller("a", "x"), false).is_err());
        assert!(shares.take(&caller("a", "y"), false).is_ok());
        // The same name of another tenant is another caller.
        assert!(shares.take(&caller("b", "x"), false).is_ok());
        drop(held);
        assert!(shares.take(&caller("a", "x"), false).is_ok());
    }

    #[test]
    fn watches_have_a_share_of_their_own() {
        let shares = shares(true, true);
        let _watch = shares.take(&caller("a", "x"), true).unwrap();
        assert!(shares.take(&caller("a", "x"), true).is_err());
        assert!(shares.take(&caller("a", "x"), false).is_ok());
    }

    #[test]
    fn who_holds_nothing_is_not_remembered() {
        let shares = shares(true, true);
        drop(shares.take(&caller("a", "x"), false));
        assert!(shares.held.lock().unwrap().is_empty());
    }
}
