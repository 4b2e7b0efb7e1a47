//! How changes are written into notifications: who tells, then one line for each journey, as many as fit. Ids only, nothing personal.

use super::{Changed, Told};

/// PostgreSQL takes payloads below 8,000 bytes.
const MOST_BYTES: usize = 7_900;

/// Changes as payloads.
pub(super) fn write(owner: &str, changes: impl Iterator<Item = Changed>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for Changed { tenant, journey_id, sequence, news } in changes {
        let line = format!("\n{sequence} {} {journey_id} {tenant}", u8::from(news));
        if owner.len() + line.len() > MOST_BYTES {
            return vec![reread(owner)];
        }
        match payloads.last_mut().filter(|payload| payload.len() + line.len() <= MOST_BYTES) {
            Some(payload) => payload.push_str(&line),
            None => payloads.push(format!("{owner}{line}")),
        }
    }
    payloads
}

/// That everything has to be read again.
pub(super) fn reread(owner: &str) -> String {
    owner.to_owned()
}

/// What a payload tells `owner`, who knows its own changes already. A line that is not understood is of a later release, and may be about
/// anything.
pub(super) fn read(owner: &str, payload: &str) -> Vec<Told> {
    let mut lines = payload.split('\n');
    if lines.next() == Some(owner) {
        return Vec::new();
    }
    let told: Option<Vec<Told>> = lines.map(|line| read_line(line).map(Told::Changed)).collect();
    told.filter(|told| !told.is_empty()).unwrap_or_else(|| vec![Told::Reread])
}

fn read_line(line: &str) -> Option<Changed> {
    let mut words = line.splitn(4, ' ');
    let sequence = words.next()?.parse().ok()?;
    let news = match words.next()? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some(Changed { sequence, news, journey_id: words.next()?.to_owned(), tenant: words.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(number: i64) -> Changed {
        Changed {
            tenant: "a tenant".to_owned(),
            journey_id: format!("jrn_{number:026}"),
            sequence: number,
            news: number % 2 == 0,
        }
    }

    #[test]
    fn what_is_written_is_read_by_the_others() {
        let changes: Vec<Changed> = (0..1_000).map(changed).collect();
        let payloads = write("me", changes.clone().into_iter());
        assert!(payloads.len() > 1 && payloads.iter().all(|payload| payload.len() < 8_000));
        let told: Vec<Told> = payloads.iter().flat_map(|payload| read("other", payload)).collect();
        assert_eq!(told, changes.into_iter().map(Told::Changed).collect::<Vec<_>>());
        assert!(payloads.iter().all(|payload| read("me", payload).is_empty()));
    }

    #[test]
    fn what_is_not_understood_has_everything_read_again() {
        for payload in [&reread("me"), "", "me\nnonsense", "me\n1 1 jrn_1 t\n2 2 jrn_1 t", "me\n1 1 jrn_1"] {
            assert_eq!(read("other", payload), [Told::Reread], "{payload:?}");
        }
        let huge = Changed { tenant: "t".repeat(9_000), ..changed(1) };
        assert_eq!(write("me", [huge].into_iter()), ["me"]);
    }
}
