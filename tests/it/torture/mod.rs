//! Faults at real processes of the real program: gateways are killed without a word, several serve one database, and the provider is
//! cut off at chosen moments. Each run prints what it counted, with its seed where chance took part. A usual run is small;
//! `SANGAM_TORTURE=full` makes it large and `SANGAM_SEED` repeats one.

mod clocks;
mod connections;
mod crashes;
mod disk;
mod flaky;
mod fleet;
mod idle;
mod isolation;
mod late;
mod mute;
mod notices;
mod openings;
mod outage;
mod pair;
mod paused;
mod relay;
mod rolling;
mod room;
mod takeover;

use sangam::{
    pb::{self, Product},
    sandbox::bank::Bank,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::start_request;

/// The effect of an opening at the provider.
pub const REQUEST_CONSENT: &str = "finpro:/v3/requestconsent";

/// Whether the run is a large one.
pub fn full() -> bool {
    std::env::var("SANGAM_TORTURE").is_ok_and(|size| size == "full")
}

/// How large a run is.
pub fn size(large: usize, reduced: usize) -> usize {
    if full() { large } else { reduced }
}

/// Numbers by chance that come again with their seed.
#[derive(Debug)]
pub struct Dice {
    /// What it began with.
    pub seed: u64,
    state: u64,
}

impl Dice {
    /// By `SANGAM_SEED`, or anew.
    pub fn new() -> Self {
        let given = std::env::var("SANGAM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        Self { seed, state: seed }
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// A customer's number of its own, with whom everything works.
pub fn mobile(number: usize) -> String {
    format!("9{number:07}01")
}

/// A StartJourney of this customer alone.
pub fn opening(mobile: &str) -> pb::StartJourneyRequest {
    let mut request = start_request("finpro", "consent", "01", &[Product::Data]);
    let person = Bank::person(mobile);
    let (mobile, pan, name) = (mobile.to_owned(), person.pan, person.name);
    request.customer = Some(pb::Customer { mobile, pan, name, ..Default::default() });
    request
}

/// What a caller makes of an error.
#[derive(Debug)]
pub enum Verdict {
    /// The same request may be sent again, elsewhere.
    Again,
    /// The provider may have acted; the journey tells.
    Unknown(String),
    /// Anything else.
    Refused(Box<Status>),
}

/// Reads an error as a caller should: only a broken connection comes without details.
pub fn verdict(status: Status) -> Verdict {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else { return Verdict::Again };
    match (status.code(), info.reason.as_str()) {
        (Code::Unavailable | Code::Aborted, _) => {
            assert!(details.retry_info().is_some(), "nothing tells when to come again: {status:?}");
            Verdict::Again
        }
        (_, "OUTCOME_UNKNOWN" | "JOURNEY_ENDED") => Verdict::Unknown(info.metadata["journey_id"].clone()),
        _ => Verdict::Refused(Box::new(status)),
    }
}
