//! The sandbox's fixed credentials. They are synthetic, open nothing but the sandbox, and each has its own isolated world.

/// A credential of the FinPro simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinProCredential {
    /// Header `client_id`.
    pub client_id: &'static str,
    /// Header `client_secret`.
    pub client_secret: &'static str,
    /// Header `organisationId`.
    pub organisation_id: &'static str,
    /// Header `appIdentifier`.
    pub app_identifier: &'static str,
    /// The secret part of the address to which its messages go.
    pub webhook_token: &'static str,
    /// The secret with which its messages are signed.
    pub webhook_secret: &'static str,
    /// Whether journeys go through orchestration (AA with PDF behind it) instead of plain consents.
    pub orchestration: bool,
}

/// An organisation with the consent style.
pub const FINPRO_CONSENT: FinProCredential = FinProCredential {
    client_id: "sandbox-consent",
    client_secret: "sandbox-consent-secret",
    organisation_id: "ORG0001",
    app_identifier: "in.example.lender.consent",
    webhook_token: "sandbox-consent-webhook-token",
    webhook_secret: "sandbox-consent-webhook-secret",
    orchestration: false,
};

/// An organisation with the orchestration style.
pub const FINPRO_ORCHESTRATION: FinProCredential = FinProCredential {
    client_id: "sandbox-orchestration",
    client_secret: "sandbox-orchestration-secret",
    organisation_id: "ORG0002",
    app_identifier: "in.example.lender.orchestration",
    webhook_token: "sandbox-orchestration-webhook-token",
    webhook_secret: "sandbox-orchestration-webhook-secret",
    orchestration: true,
};

/// Both.
pub const FINPRO: [FinProCredential; 2] = [FINPRO_CONSENT, FINPRO_ORCHESTRATION];

/// The analytics journey id of the JSON report that both organisations have configured.
pub const FINPRO_ANALYTICS_JSON: &str = "orchestration_complete_analytics_json_v1";
/// The same for the Excel report.
pub const FINPRO_ANALYTICS_EXCEL: &str = "aa_excel_analytics_v1";

/// A credential of the Finpass simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinpassCredential {
    /// API key.
    pub api_key: &'static str,
    /// Secret.
    pub secret: &'static str,
}

/// The one organisation at Finpass.
pub const FINPASS: FinpassCredential = FinpassCredential { api_key: "sandbox-finpass-key", secret: "sandbox-finpass-secret" };
