//! The customers.

use jiff::{ToSpan, civil::date};

use super::{Person, random::Random};

const FIRST: [&str; 8] = ["Asha", "Ravi", "Meera", "Arjun", "Kavya", "Imran", "Divya", "Joseph"];
const LAST: [&str; 8] = ["Sample", "Example", "Specimen", "Placeholder", "Template", "Fixture", "Dummy", "Proband"];

/// The customer with this mobile number. The PAN follows from the last four digits: 9000000001 has AAAPA0001A.
pub fn person(mobile: &str) -> Person {
    let mut random = Random::seeded(&["person", mobile]);
    let first = random.pick(&FIRST, "Asha");
    let last = random.pick(&LAST, "Sample");
    let tail: String = mobile.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    Person {
        name: format!("{first} {last}"),
        mobile: mobile.to_owned(),
        pan: format!("AAAPA{tail:0>4}A"),
        email: format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase()),
        address: format!("{} Sandbox Street, Bengaluru, Karnataka 560001", random.between(1, 200)),
        date_of_birth: date(1980, 1, 1).saturating_add(random.between(0, 7000).days()),
        ckyc: random.between(0, 1) == 1,
        nominee: random.between(0, 3) > 0,
    }
}

/// Who holds an account jointly with that customer.
pub(super) fn joint_holder(mobile: &str) -> Person {
    let mut other = person(&format!("8{}", mobile.get(1..).unwrap_or_default()));
    other.pan = other.pan.replacen("AAAPA", "AAAPB", 1);
    other
}
