//! What tells something of a person, as a type: it cannot be shown or serialised by accident. Whoever needs the value says so by its name.
//!
//! Only the store writes such values, sealed, inside [`for_sealing`]; any other serialisation of what holds one fails.

use std::{cell::Cell, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, ser::Error};

thread_local! {
    static SEALING: Cell<bool> = const { Cell::new(false) };
}

/// A value of a person's, or a secret that stands in a tree. It has no `Display` and no `Serialize`, and `Debug` tells nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Takes a value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Whoever asks for it answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, without its guard.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Personal<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(personal)")
    }
}

/// The text of an optional value.
pub fn exposed(value: &Option<Personal<String>>) -> Option<&str> {
    value.as_ref().map(|value| value.0.as_str())
}

/// Serialises what is sealed right afterwards: the one way by which personal values are written.
pub(crate) fn for_sealing<T>(serialise: impl FnOnce() -> T) -> T {
    /// Ends the permission however the work ends.
    struct Ends(bool);
    impl Drop for Ends {
        fn drop(&mut self) {
            SEALING.set(self.0);
        }
    }
    let _ends = Ends(SEALING.replace(true));
    serialise()
}

/// For `#[serde(with = "sealed")]`: how a field stands in what the store seals.
pub(crate) mod sealed {
    use super::{DeserializeOwned, Deserializer, Error, Personal, SEALING, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Personal<T>, to: S) -> Result<S::Ok, S::Error> {
        if SEALING.get() { value.0.serialize(to) } else { Err(S::Error::custom("personal data is written sealed only")) }
    }

    pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Personal<T>, D::Error> {
        T::deserialize(from).map(Personal)
    }
}

/// The same for a value that may be missing.
pub(crate) mod sealed_option {
    use super::{Deserialize, DeserializeOwned, Deserializer, Personal, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Option<Personal<T>>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::sealed::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Option<Personal<T>>, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map(Personal))
    }
}

/// Compiles only while a type does not implement a trait: with it, the name of the item below is no longer clear.
macro_rules! never {
    ($($guarded:ty: $forbidden:path),+ $(,)?) => {
        $(const _: fn() = || {
            trait OneMeaning<A> {
                fn item() {}
            }
            impl<T: ?Sized> OneMeaning<()> for T {}
            struct Second;
            impl<T: ?Sized + $forbidden> OneMeaning<Second> for T {}
            let _ = <$guarded as OneMeaning<_>>::item;
        };)+
    };
}

never!(
    Personal<String>: fmt::Display,
    Personal<String>: Serialize,
    Personal<String>: std::ops::Deref,
    Personal<String>: AsRef<str>,
    secrecy::SecretString: fmt::Display,
    secrecy::SecretString: Serialize,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::testing::journey;

    #[test]
    fn a_tree_shows_nobody_in_debug_and_serialises_for_the_store_only() {
        let mut tree = journey();
        let customer = &mut tree.ask.customer;
        customer.pan = Some("AAAPA0001A".into());
        customer.email = Some("a@b.example".into());
        customer.vua = Some("9000000001@x".into());
        customer.name = Some("Asha Rao".into());
        tree.ask.redirect_url = Some("https://lender.example/?token=t".into());
        let shown = format!("{tree:?} {tree:#?}");
        for planted in ["9000000001", "AAAPA0001A", "a@b.example", "Asha", "lender.example", "\"token\""] {
            assert!(!shown.contains(planted), "{planted}");
        }
        assert!(serde_json::to_string(&tree).is_err());
        assert!(serde_json::to_value(&tree.ask.customer).is_err());
        let kept = for_sealing(|| serde_json::to_vec(&tree)).unwrap();
        assert_eq!(serde_json::from_slice::<crate::journey::model::Journey>(&kept).unwrap(), tree);
        assert!(serde_json::to_string(&tree).is_err(), "the permission has ended");
    }

    #[test]
    fn the_permission_ends_with_a_panic_too() {
        let ended = std::panic::catch_unwind(|| for_sealing(|| panic!("while sealing")));
        assert!(ended.is_err());
        assert!(serde_json::to_string(&journey()).is_err());
    }
}
