//! What each view shows of each class of fields: the one table behind all masking.

use crate::pb::{FieldClass, View};

/// What a view shows of a field; the later, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Showing {
    /// As it is.
    Shown,
    /// A text as its last four characters.
    Masked,
    /// Nothing.
    Gone,
}

/// What a view shows of a class. UNSPECIFIED is the view MASKED.
#[must_use]
pub fn showing(class: FieldClass, view: View) -> Showing {
    use FieldClass as Class;
    use Showing::{Gone, Masked, Shown};
    let [masked, summary, full] = match class {
        // MASKED, SUMMARY, FULL
        Class::Unspecified => [Gone, Gone, Shown],
        Class::Impersonal => [Shown, Shown, Shown],
        Class::Name => [Gone, Gone, Shown],
        Class::DateOfBirth => [Gone, Gone, Shown],
        Class::Pan => [Masked, Masked, Shown],
        Class::Mobile => [Masked, Masked, Shown],
        Class::Landline => [Gone, Gone, Shown],
        Class::Email => [Gone, Gone, Shown],
        Class::Address => [Gone, Gone, Shown],
        Class::Account => [Masked, Masked, Shown],
        Class::Nominee => [Gone, Gone, Shown],
        Class::Narration => [Gone, Gone, Shown],
        Class::Reference => [Gone, Gone, Shown],
        Class::RecordId => [Shown, Shown, Shown],
        Class::Description => [Shown, Shown, Shown],
        Class::Amount => [Shown, Shown, Shown],
        Class::Anything => [Gone, Gone, Shown],
        // Where the field that it is quoted from is not known; otherwise that field decides.
        Class::Quoted => [Gone, Gone, Shown],
        Class::Secret => [Gone, Gone, Gone],
    };
    match view {
        View::Unspecified | View::Masked => masked,
        View::Summary => summary,
        View::Full => full,
    }
}

/// Whether a field of a class may stand in a log line, a span, a metric's label or the audit. Only what tells of nobody may, and the ids that
/// stand for a record without naming a person: amounts, descriptions and whatever else a view shows stay out all the same.
#[must_use]
pub fn may_log(class: FieldClass) -> bool {
    matches!(class, FieldClass::Impersonal | FieldClass::RecordId)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The comment of each class in the contract, by its name.
    fn documented() -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut comment = String::new();
        for line in include_str!("../../proto/sangam/v1/options.proto").lines().map(str::trim) {
            match (line.strip_prefix("//"), line.strip_prefix("FIELD_CLASS_")) {
                (Some(text), _) => comment.push_str(text),
                (_, Some(value)) => {
                    let name = value.split(' ').next().unwrap_or_default();
                    found.push((format!("FIELD_CLASS_{name}"), std::mem::take(&mut comment)));
                }
                _ => comment.clear(),
            }
        }
        found
    }

    #[test]
    fn what_may_be_logged_is_shown_in_every_view() {
        let classes = (0..).map_while(|number| FieldClass::try_from(number).ok());
        for class in classes.filter(|class| may_log(*class)) {
            for view in [View::Masked, View::Summary, View::Full] {
                assert_eq!(showing(class, view), Showing::Shown, "{class:?}");
            }
        }
        assert!(!may_log(FieldClass::Unspecified) && !may_log(FieldClass::Amount) && !may_log(FieldClass::Secret));
    }

    #[test]
    fn the_contract_says_of_every_class_what_the_table_does() {
        let documented = documented();
        assert_eq!(documented.len(), 19);
        for (name, comment) in documented {
            let class = FieldClass::from_str_name(&name).unwrap();
            let said = match class {
                FieldClass::Unspecified => "shows such a field in the FULL view only",
                FieldClass::Quoted => "gone if there is no such field",
                FieldClass::Secret => "In no view at all",
                _ => match showing(class, View::Masked) {
                    Showing::Shown => " Shown",
                    Showing::Masked => " Masked.",
                    Showing::Gone => " Gone.",
                },
            };
            assert!(comment.contains(said), "{name}: {comment}");
            assert_eq!(showing(class, View::Summary), showing(class, View::Masked), "{name}");
            assert_eq!(showing(class, View::Unspecified), showing(class, View::Masked), "{name}");
            let full = if class == FieldClass::Secret { Showing::Gone } else { Showing::Shown };
            assert_eq!(showing(class, View::Full), full, "{name}");
        }
    }
}
