//! The configuration of a gateway that stands before the sandbox: with the demo, `make run` and the tests in mind.

use std::{io, net::SocketAddr, path::Path};

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Sandbox, WebhookTarget,
    credentials::{self, FINPASS, FINPRO_CONSENT, FINPRO_ORCHESTRATION, FinProCredential},
    scratch::write_private,
};

/// Where the gateway listens. Port 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listeners {
    /// gRPC.
    pub grpc: SocketAddr,
    /// Webhooks. With a port other than 0 the sandbox is told of it with each journey.
    pub webhook: SocketAddr,
    /// Probes and metrics.
    pub admin: SocketAddr,
}

impl Default for Listeners {
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { grpc: free, webhook: free, admin: free }
    }
}

/// The TOML text for a gateway on free ports; see [`gateway_toml_at`].
///
/// # Errors
/// When a file cannot be written.
pub fn gateway_toml(sandbox: &Sandbox, dir: &Path) -> io::Result<String> {
    gateway_toml_at(sandbox, dir, Listeners::default())
}

/// The TOML text for a gateway with the tenant "demo" and the sandbox's credentials: FinPro as `consent` and `orchestration`, Finpass
/// as `main`. Secrets and a fresh seal key are written into `dir` as files of mode 0600; the store lies there too.
///
/// # Errors
/// When a file cannot be written, or no randomness is to be had.
pub fn gateway_toml_at(sandbox: &Sandbox, dir: &Path, listeners: Listeners) -> io::Result<String> {
    write_seal_key(&dir.join("seal.key"))?;
    let webhook = match listeners.webhook.port() {
        0 => String::new(),
        _ => format!("[webhook]\npublic_base_url = \"http://{}/\"\n\n", listeners.webhook),
    };
    Ok(format!(
        "[listen]\ngrpc = \"{}\"\nwebhook = \"{}\"\nadmin = \"{}\"\n\n\
         [store]\npath = {}\n\n\
         [seal]\nkey_file = {}\n\n\
         # The sandbox moves on with each look, so looking often is fast.\n\
         [poller]\nfirst_ms = 100\nmax_ms = 400\n\n\
         {webhook}\
         [tenant]\nid = \"demo\"\n{}",
        listeners.grpc,
        listeners.webhook,
        listeners.admin,
        quoted(&dir.join("sangam.db")),
        quoted(&dir.join("seal.key")),
        own_settings(sandbox, dir, &Table { path: "tenant".to_owned(), token_suffix: String::new() })?,
    ))
}

/// The table of one tenant among several, with the sandbox's credentials as in [`gateway_toml_at`]. Its secrets go into `dir`, which is
/// its own.
///
/// # Errors
/// When a file cannot be written.
pub fn tenant_toml(sandbox: &Sandbox, dir: &Path, tenant: &str) -> io::Result<String> {
    let table = Table { path: format!("tenants.{tenant}"), token_suffix: tenant.replace(['_', '-'], "") };
    Ok(format!("[{}]\n{}", table.path, own_settings(sandbox, dir, &table)?))
}

/// The secret part of the address at which a credential's messages come in, of one tenant among several.
pub fn webhook_token(credential: &FinProCredential, tenant: &str) -> String {
    format!("{}{}", credential.webhook_token, tenant.replace(['_', '-'], ""))
}

/// Where a tenant stands in the configuration.
struct Table {
    path: String,
    /// What makes its webhook tokens differ from those of the others.
    token_suffix: String,
}

/// What stands in a tenant's table, and the tables below it.
fn own_settings(sandbox: &Sandbox, dir: &Path, table: &Table) -> io::Result<String> {
    let path = &table.path;
    Ok(format!(
        "default_provider = \"finpro\"\nfull_view = true\n\n\
         [{path}.range_months]\nunderwriting = 12\nmonitoring = 12\n\n\
         {}{}{}",
        finpro(sandbox, dir, table, "consent", &FINPRO_CONSENT)?,
        finpro(sandbox, dir, table, "orchestration", &FINPRO_ORCHESTRATION)?,
        finpass(sandbox, dir, table)?,
    ))
}

/// Tells the sandbox where the gateway takes FinPro's messages, as an operator does in the portal.
pub fn point_webhooks(sandbox: &Sandbox, gateway: SocketAddr) {
    for credential in credentials::FINPRO {
        let url = format!("http://{gateway}/webhooks/finpro/{}", credential.webhook_token);
        sandbox.set_webhook_target(credential.client_id, WebhookTarget { url, secret: credential.webhook_secret.to_owned() });
    }
}

fn finpro(sandbox: &Sandbox, dir: &Path, table: &Table, name: &str, credential: &FinProCredential) -> io::Result<String> {
    let secret = dir.join(format!("finpro-{name}.secret"));
    write_private(&secret, credential.client_secret)?;
    let (token, signs) = (dir.join(format!("finpro-{name}.webhook-token")), dir.join(format!("finpro-{name}.webhook-secret")));
    write_private(&token, &format!("{}{}", credential.webhook_token, table.token_suffix))?;
    write_private(&signs, credential.webhook_secret)?;
    let style = if credential.orchestration { "orchestration" } else { "consent" };
    Ok(format!(
        "[{}.finpro.{name}]\nbase_url = \"{}\"\nstyle = \"{style}\"\nclient_id = \"{}\"\nclient_secret = {{ file = {} }}\n\
         organisation_id = \"{}\"\napp_identifier = \"{}\"\n\
         products = {{ underwriting = \"UW-ONETIME\", monitoring = \"MON-PERIODIC\" }}\n\
         analytics = {{ json = \"{}\", excel = \"{}\" }}\n\
         webhook = {{ token = {{ file = {} }}, hmac_secrets = [{{ file = {} }}] }}\n\n",
        table.path,
        sandbox.finpro_base_url(),
        credential.client_id,
        quoted(&secret),
        credential.organisation_id,
        credential.app_identifier,
        credentials::FINPRO_ANALYTICS_JSON,
        credentials::FINPRO_ANALYTICS_EXCEL,
        quoted(&token),
        quoted(&signs),
    ))
}

fn finpass(sandbox: &Sandbox, dir: &Path, table: &Table) -> io::Result<String> {
    let (key, secret) = (dir.join("finpass.key"), dir.join("finpass.secret"));
    write_private(&key, FINPASS.api_key)?;
    write_private(&secret, FINPASS.secret)?;
    Ok(format!(
        "[{}.finpass.main]\nbase_url = \"{}\"\napi_key = {{ file = {} }}\napi_secret = {{ file = {} }}\n",
        table.path,
        sandbox.finpass_base_url(),
        quoted(&key),
        quoted(&secret),
    ))
}

fn write_seal_key(path: &Path) -> io::Result<()> {
    let mut key = [0; 32];
    rand::fill(&mut key).map_err(|_| io::Error::other("no randomness"))?;
    write_private(path, &STANDARD.encode(key))
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::unreachable)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::SystemClock,
        config::Config,
        sandbox::{SandboxConfig, scratch::Scratch},
    };

    #[tokio::test]
    async fn the_gateway_accepts_it() {
        let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
        let dir = Scratch::new("sangam-test").unwrap();
        for listeners in [Listeners::default(), Listeners { webhook: "127.0.0.1:50052".parse().unwrap(), ..Listeners::default() }]
        {
            let text = gateway_toml_at(&sandbox, dir.path(), listeners).unwrap();
            let config = Config::from_toml_str(&text).unwrap_or_else(|faults| unreachable!("{faults}\n{text}"));
            assert_eq!(config.tenant.id, "demo");
            assert_eq!(config.tenant.providers.finpro.len(), 2);
            assert_eq!(config.webhook.public_base_url.is_some(), listeners.webhook.port() != 0);
        }
        sandbox.stop().await;
    }
}
