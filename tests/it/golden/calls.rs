//! Calls and their answers as bytes: what is on the wire stays while names in the code change.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use sangam::pb::DESCRIPTOR_SET;
use serde::{Deserialize, Serialize};
use tonic::{Request, Status, client::Grpc, transport::Channel};
use tonic_types::StatusExt;

use crate::canary::inputs::Raw;

/// Fields that differ from call to call: whether they are set is all that is compared.
const FRESH: [&str; 3] = ["next_page_token", "resume_token", "customer_url"];

/// A call to be made.
pub struct Call {
    /// Says in a failed test which call it was.
    pub name: String,
    /// `/package.Service/Method`.
    pub path: String,
    pub request: Vec<u8>,
    /// How many messages of the answer are read; none: all.
    pub most: Option<usize>,
}

/// A call and what was answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    name: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
    /// Base64.
    request: String,
    /// `OK`, or a status code and the reason.
    outcome: String,
    /// Base64, one text a message.
    messages: Vec<String>,
}

/// Makes the calls, in their order.
pub async fn record(channel: Channel, calls: Vec<Call>) -> Vec<Kept> {
    let mut kept = Vec::new();
    for call in calls {
        let (outcome, messages) = send(&channel, &call.path, call.request.clone(), call.most).await;
        assert!(outcome == "OK" || call.name.ends_with(&outcome), "{}: {outcome}", call.name);
        kept.push(Kept {
            name: call.name,
            path: call.path,
            most: call.most,
            request: STANDARD.encode(call.request),
            outcome,
            messages: messages.iter().map(|message| STANDARD.encode(message)).collect(),
        });
    }
    kept
}

/// Makes kept calls again, and shows every difference at once.
pub async fn compare(channel: Channel, version: &str, calls: &[Kept]) {
    let mut faults = Vec::new();
    for call in calls {
        let (outcome, messages) = send(&channel, &call.path, decode(&call.request), call.most).await;
        let at = format!("{version} {}", call.name);
        if (&outcome, messages.len()) != (&call.outcome, call.messages.len()) {
            faults.push(format!(
                "{at}: {outcome} with {} messages, not {} with {}",
                messages.len(),
                call.outcome,
                call.messages.len()
            ));
            continue;
        }
        let form = answer_of(&call.path);
        for (number, (now, then)) in messages.iter().zip(&call.messages).enumerate() {
            let now = DynamicMessage::decode(form.clone(), &now[..]).unwrap();
            let then = DynamicMessage::decode(form.clone(), &decode(then)[..]).unwrap();
            differences(&format!("{at} [{number}]"), &then, &now, &mut faults);
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

async fn send(channel: &Channel, path: &str, request: Vec<u8>, most: Option<usize>) -> (String, Vec<Bytes>) {
    let mut client = Grpc::new(channel.clone()).max_decoding_message_size(16 * 1024 * 1024);
    client.ready().await.unwrap();
    let request = Request::new(Bytes::from(request));
    let answer = client.server_streaming(request, path.parse().unwrap(), Raw).await;
    let mut messages = Vec::new();
    let ended = match answer {
        Err(status) => Err(status),
        Ok(answer) => {
            let mut stream = answer.into_inner();
            loop {
                if most.is_some_and(|most| messages.len() == most) {
                    break Ok(());
                }
                match stream.message().await {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break Ok(()),
                    Err(status) => break Err(status),
                }
            }
        }
    };
    (ended.map_or_else(|status| outcome(&status), |()| "OK".to_owned()), messages)
}

fn outcome(status: &Status) -> String {
    let reason = status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default();
    format!("{:?} {reason}", status.code())
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn answer_of(path: &str) -> MessageDescriptor {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR_SET).unwrap());
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap();
    let service = POOL.get_service_by_name(service).unwrap();
    service.methods().find(|known| known.name() == method).unwrap().output()
}

/// Every field that was set must be set to the same; a field more is a newer contract's.
fn differences(at: &str, then: &DynamicMessage, now: &DynamicMessage, faults: &mut Vec<String>) {
    for (field, old) in then.fields() {
        let at = format!("{at}.{}", field.name());
        let new = now.get_field(&field);
        if !now.has_field(&field) {
            faults.push(format!("{at}: is not set any more"));
        } else if field.name() == "normaliser_version" {
            // What is kept as the provider's bytes is read anew by the present version.
            if new.as_u32() < old.as_u32() {
                faults.push(format!("{at}: {new:?} is older than {old:?}"));
            }
        } else if !FRESH.contains(&field.name()) {
            different(&at, old, &new, faults);
        }
    }
}

fn different(at: &str, then: &Value, now: &Value, faults: &mut Vec<String>) {
    match (then, now) {
        (Value::Message(then), Value::Message(now)) => differences(at, then, now, faults),
        (Value::List(then), Value::List(now)) if then.len() == now.len() => {
            for (number, (then, now)) in then.iter().zip(now).enumerate() {
                different(&format!("{at}[{number}]"), then, now, faults);
            }
        }
        (then, now) if then == now => {}
        (Value::List(then), Value::List(now)) => faults.push(format!("{at}: {} items, not {}", now.len(), then.len())),
        (then, now) => faults.push(format!("{at}: {now:?}, not {then:?}")),
    }
}
