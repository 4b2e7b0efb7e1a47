//! `make run`: the gateway before the sandbox, until it is told to stop, with lines to paste into another terminal.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    Sandbox, SandboxConfig,
    gateway_config::{Listeners, gateway_toml_at, point_webhooks},
    scenario,
    scratch::Scratch,
};
use crate::{app::App, clock::SystemClock, config::Config};

/// Ports on loopback; 0 takes a free one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// Of the gateway's gRPC listener.
    pub grpc: u16,
    /// Of its webhook listener.
    pub webhook: u16,
    /// Of the sandbox.
    pub sandbox: u16,
}

/// Why it could not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunFailure {
    /// A port or a file could not be had.
    #[error("the machine refused: {0}")]
    Machine(#[from] io::Error),
    /// The gateway refused its configuration.
    #[error("the gateway's configuration is wrong:\n{0}")]
    Config(String),
    /// The gateway did not start.
    #[error("the gateway did not start: {0}")]
    Start(String),
}

/// Serves until Ctrl-C or SIGTERM. Everything it keeps is gone afterwards.
///
/// # Errors
/// As [`RunFailure`] says.
pub async fn run(ports: Ports) -> Result<(), RunFailure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let clock = Arc::new(SystemClock);
    let sandbox =
        Sandbox::start(SandboxConfig { listen: loopback(ports.sandbox), ..SandboxConfig::default() }, clock.clone()).await?;
    let dir = Scratch::new("sangam-run")?;
    let listeners = Listeners { grpc: loopback(ports.grpc), webhook: known_port(ports.webhook)?, admin: loopback(0) };
    let config = Config::from_toml_str(&gateway_toml_at(&sandbox, dir.path(), listeners)?)
        .map_err(|faults| RunFailure::Config(faults.to_string()))?;
    let gateway = App::start(config, clock).await.map_err(|error| RunFailure::Start(error.to_string()))?;
    point_webhooks(&sandbox, gateway.webhook);
    crate::say!("{}", welcome(gateway.grpc, gateway.webhook, sandbox.address));
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    crate::say!("stopping");
    gateway.stop().await;
    sandbox.stop().await;
    Ok(())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The webhook's address must be in the configuration, so a free port is looked up beforehand. Should another program take it in
/// between, the start fails and says so.
fn known_port(port: u16) -> io::Result<SocketAddr> {
    if port != 0 {
        return Ok(loopback(port));
    }
    std::net::TcpListener::bind(loopback(0))?.local_addr()
}

fn welcome(grpc: SocketAddr, webhook: SocketAddr, sandbox: SocketAddr) -> String {
    let stories: String =
        scenario::TABLE.iter().take(6).map(|(digits, _, what)| format!("  90000000{digits}  {what}\n")).collect();
    format!(
        "gateway  {grpc} (gRPC, with reflection), webhooks on {webhook}\nsandbox  http://{sandbox}\n\n\
         Start a journey. The answer's customer_url is the customer's page: open it in a browser and approve or reject.\n\n\
         {}\n\n\
         The same and a look at its status in Python (pip install grpcio grpcio-reflection protobuf):\n\n\
         {}\n\n\
         The mobile number's last two digits choose the story:\n{stories}  ... and {} more\n\n\
         Ctrl-C stops both; nothing is kept.",
        grpcurl(grpc),
        python(grpc),
        scenario::TABLE.len().saturating_sub(6),
    )
}

fn start_journey() -> String {
    format!(
        r#"{{"request_id": "{}", "provider": "finpass", "customer": {{"mobile": "9000000001", "pan": "AAAPA0001A"}}, "consents": [{{"purpose": "PURPOSE_UNDERWRITING"}}], "products": ["PRODUCT_DATA"], "redirect_url": "https://lender.example/return"}}"#,
        uuid::Uuid::new_v4()
    )
}

fn grpcurl(grpc: SocketAddr) -> String {
    format!("grpcurl -plaintext -d '{}' {grpc} sangam.v1.JourneyService/StartJourney", start_journey())
}

fn python(grpc: SocketAddr) -> String {
    PYTHON.replace("ADDRESS", &grpc.to_string()).replace("REQUEST", &start_journey())
}

/// Reads the contract by reflection, so that nothing has to be generated.
const PYTHON: &str = r#"python3 - <<'EOF'
import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
channel = grpc.insecure_channel("ADDRESS")
service = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName("sangam.v1.JourneyService")
def call(name, body):
    method = service.FindMethodByName(name)
    request, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    rpc = channel.unary_unary(f"/{service.full_name}/{name}", request.SerializeToString, answer.FromString)
    return json_format.MessageToDict(rpc(json_format.ParseDict(body, request()), timeout=10))
journey = call("StartJourney", REQUEST)
print("open", journey["customerUrl"])
print(call("GetStatus", {"journey_id": journey["journeyId"]})["journey"]["state"])
EOF"#;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_lines_name_the_address_and_hold_a_request_of_the_contract() {
        let text = welcome(loopback(50051), loopback(50052), loopback(50053));
        assert!(text.contains("' 127.0.0.1:50051 sangam.v1.JourneyService/StartJourney"));
        assert!(text.contains("insecure_channel(\"127.0.0.1:50051\")"));
        assert!(!text.contains("REQUEST)") && !text.contains("ADDRESS"));
        let request: serde_json::Value = serde_json::from_str(&start_journey()).unwrap();
        assert_eq!(request["consents"][0]["purpose"], crate::pb::Purpose::Underwriting.as_str_name());
        assert_eq!(request["products"][0], crate::pb::Product::Data.as_str_name());
    }

    #[test]
    fn a_port_is_known_before_it_is_used() {
        assert_ne!(known_port(0).unwrap().port(), 0);
        assert_eq!(known_port(50052).unwrap(), loopback(50052));
    }
}
