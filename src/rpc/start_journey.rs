//! StartJourney.

use prost::Message;
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, idempotent::Write, status, validate};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::{Journey, JourneyState},
        service::{OpenedJourney, Service, StartCommand, Started},
    },
    pb::{StartJourneyRequest, StartJourneyResponse},
    providers::provider::Call,
    random::new_id,
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<StartJourneyRequest>,
) -> Result<Response<StartJourneyResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    let request_id = request.request_id.clone();
    let canonical = StartJourneyRequest { request_id: "start".to_owned(), ..request.clone() }.encode_to_vec();
    let journey_id = new_id(asked.service.random().as_ref(), "jrn");
    let mut command = validate::start(request, journey_id.clone()).map_err(status::of_failure)?;
    command.progress = asked.progress.clone();
    audit.journey(&journey_id).purposes(command.ask.consents.iter().map(|ask| ask.purpose));
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request_id,
        canonical,
        journey_id: &journey_id,
        begun: |_, _| true,
    };
    write.refuse_new(asked.service.foreseen_opening(call, &command)).await?;
    let (service, told) = (asked.service.clone(), audit.clone());
    let work = move |journey_id: String| async move {
        told.journey(&journey_id);
        let repeats = journey_id != command.journey_id;
        let command = StartCommand { journey_id, repeats, ..command };
        let Started { opened, reused } = service.start(call, command).await?;
        told.whole(&opened.journey);
        Ok(StartJourneyResponse { reused, ..answer(&opened) })
    };
    let unfinished = |journey_id| unfinished(&asked.service, call, journey_id);
    let (mut answer, replayed) = write.run(work, unfinished).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

fn answer(opened: &OpenedJourney) -> StartJourneyResponse {
    let journey = &opened.journey;
    let attempt = journey.attempts.iter().find(|attempt| attempt.id == opened.attempt_id);
    StartJourneyResponse {
        journey_id: journey.id.clone(),
        customer_url: opened.customer_url.expose_secret().to_owned(),
        url_expire_time: attempt.and_then(|attempt| attempt.url_expires_at).map(convert::timestamp),
        routing: Some(convert::routing(&journey.routing)),
        ignored_inputs: journey.ignored_inputs.clone(),
        state: journey.state.into(),
        notes: journey.notes.clone(),
        replayed: false,
        reused: false,
    }
}

/// An answer that was lost: the journey tells what became of it. Nothing is sent that could ask the customer twice; an URL is minted only
/// where that makes no new opening.
async fn unfinished(service: &Service, call: Call, journey_id: String) -> Result<StartJourneyResponse, Failure> {
    let journey = service.load(&service.tenant().id, &journey_id).await?;
    match journey.state {
        JourneyState::AwaitingCustomer => {
            let provider = service.provider_of(&journey.routing)?;
            match service.fresh_url(call, provider.as_ref(), &journey, None).await? {
                Some(opened) => Ok(answer(&opened)),
                // The journey is well, its URL is lost: ResumeJourney opens another attempt.
                None => Ok(without_url(&journey)),
            }
        }
        JourneyState::Created | JourneyState::OutcomeUnknown => {
            // Somebody waits for it: it is looked up now. Should that fail, the background does so in its own time.
            let _ = service.nudge(&journey_id).await;
            Err(Failure::from(JourneyError::OutcomeUnknown).of(&journey_id))
        }
        JourneyState::Failed => Err(Failure::from(JourneyError::JourneyEnded(journey.state)).of(&journey_id)),
        _ => Ok(without_url(&journey)),
    }
}

fn without_url(journey: &Journey) -> StartJourneyResponse {
    answer(&OpenedJourney { journey: journey.clone(), attempt_id: String::new(), customer_url: secrecy::SecretString::from("") })
}
