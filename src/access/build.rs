//! The gate as the configuration describes it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Caller, Gate, Scopes,
    api_key::{self, ApiKeys, KnownKey, ReadKeys},
    gate::Ways,
    jwt::{Expected, Issuer, Pace, Place, Source, TenantRule, Tokens},
    peer::{PeerName, Peers},
    reload::{self, Files, Reload},
};
use crate::{
    clock::SharedClock,
    config::{self, Access, ApiKeyCaller, Config, JwtIssuer, MtlsCaller},
};

/// A file may be looked at as often as this for a key that is not known.
const LOOK: Duration = Duration::from_millis(250);

/// The gate. The error says which setting cannot be used, and why.
pub fn build(config: &Config, clock: SharedClock) -> Result<Gate, String> {
    let access = &config.access;
    if !access.is_on() {
        return Ok(Gate::open(anybody(config), clock));
    }
    let mut ways = Ways { peers: peers(&access.mtls), ..Ways::default() };
    if !access.jwt.is_empty() {
        let issuers: Result<_, _> = access.jwt.iter().map(|(name, issuer)| self::issuer(access, name, issuer)).collect();
        ways.tokens = Some(Arc::new(Tokens::new(issuers?, access.leeway_seconds.into(), access.token_cache, clock.clone())));
    }
    if !access.api_keys.is_empty() || access.api_keys_file.is_some() {
        ways.keys = Some(Arc::new(api_keys(config)?));
    }
    Ok(Gate::asking(ways, config.tenant_ids().map(str::to_owned).collect(), clock))
}

/// Who calls, where nobody is asked who he is. Of several tenants nobody can be meant by that, and such a caller may do nothing.
fn anybody(config: &Config) -> Caller {
    match config.only_tenant() {
        Some(tenant) => Caller::anybody(&tenant.id, tenant.full_view),
        None => Caller { scopes: Scopes::default(), ..Caller::anybody("", false) },
    }
}

impl Gate {
    /// Keeps keys and key sets up to date until `stop`, and whatever else is read again.
    pub fn keep(&self, every: Duration, mut more: Vec<Arc<dyn Reload>>, stop: &CancellationToken) {
        let Ways { tokens, keys, .. } = self.ways();
        for source in tokens.iter().flat_map(|tokens| tokens.sources()) {
            tokio::spawn(source.clone().keep(stop.clone()));
        }
        if let Some(keys) = keys {
            more.push(keys.clone());
        }
        tokio::spawn(reload::watch(more, every, stop.clone()));
    }
}

fn peers(callers: &BTreeMap<String, MtlsCaller>) -> Peers {
    Peers::new(callers.iter().flat_map(|(name, listed)| {
        let caller = Arc::new(Caller {
            tenant: listed.tenant.as_str().into(),
            name: format!("mtls:{name}").into(),
            scopes: config::scopes(&listed.scopes),
        });
        let spiffe = listed.spiffe_ids.iter().cloned().map(PeerName::Spiffe);
        let names = spiffe.chain(listed.dns_names.iter().cloned().map(PeerName::Dns));
        names.map(|name| (name, caller.clone())).collect::<Vec<_>>()
    }))
}

fn issuer(access: &Access, name: &str, issuer: &JwtIssuer) -> Result<Issuer, String> {
    let setting = format!("access.jwt.{name}");
    let pause = Duration::from_millis(access.unknown_key_pause_ms);
    let (place, every, pause) = match (&issuer.jwks_file, &issuer.jwks_url) {
        (Some(file), _) => {
            (Place::File(Files::new([file.clone()]).into()), Duration::from_millis(access.reload_ms), pause.min(LOOK))
        }
        (None, url) => {
            let url = Url::parse(url.as_deref().unwrap_or_default()).map_err(|_| format!("{setting}.jwks_url: is no URL"))?;
            let place = Place::url(url).map_err(|cause| format!("{setting}: {cause}"))?;
            (place, Duration::from_secs(issuer.refresh_seconds()), pause)
        }
    };
    let source = Source::new(setting.clone(), place, Pace { every, pause });
    // A file is there from the first call on; an address may take longer than the start should.
    source.look().map_err(|cause| format!("{setting}.jwks_file: {cause}"))?;
    let tenant = match (&issuer.tenant, &issuer.tenant_claim) {
        (Some(tenant), _) => TenantRule::Fixed(tenant.clone()),
        (None, claim) => TenantRule::Claim(claim.clone().unwrap_or_default()),
    };
    let expected = Expected {
        name: name.to_owned(),
        issuer: issuer.issuer.clone(),
        audience: issuer.audience.clone(),
        tenant,
        scope_claim: issuer.scope_claim.clone(),
    };
    Ok(Issuer { expected, source: Arc::new(source) })
}

fn api_keys(config: &Config) -> Result<ApiKeys, String> {
    let access = &config.access;
    let tenants: Vec<String> = config.tenant_ids().map(str::to_owned).collect();
    let file = access.api_keys_file.as_ref().map(|path| {
        let read: ReadKeys = Box::new(move |text| {
            let serves = |tenant: &str| tenants.iter().any(|served| served == tenant);
            Ok(api_key_table(&config::read_api_keys(text, &serves)?))
        });
        (Files::new([path.clone()]), read)
    });
    let keys = ApiKeys::new(api_key_table(&access.api_keys), file);
    keys.read().map_err(|cause| format!("access.api_keys_file: {cause}"))?;
    Ok(keys)
}

/// The keys of all callers. What is no hash was refused before.
pub fn api_key_table(callers: &BTreeMap<String, ApiKeyCaller>) -> Vec<KnownKey> {
    let keys = callers.iter().flat_map(|(name, listed)| {
        let caller = api_key::caller(name, &listed.tenant, config::scopes(&listed.scopes));
        listed.keys.iter().filter_map(move |key| {
            Some(KnownKey { hash: api_key::read_hash(&key.sha256)?, until: key.expire_time, caller: caller.clone() })
        })
    });
    keys.collect()
}
