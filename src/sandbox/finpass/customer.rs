//! What the customer's page shows of a Finpass session, and what the customer does there.

use super::{
    server::Finpass,
    world::{ConsentState, ConsentType, Product, Session},
};
use crate::sandbox::customer_page::{Decision, Journeys, Outcome, View};

impl Journeys for Finpass {
    fn view(&self, token: &str) -> Option<View> {
        let session = self.change_by_link(token, |session| session.opened(self.now()))?;
        Some(View { title: "Finpass: share your bank data".to_owned(), lines: lines(&session), choices: self.choices(&session) })
    }

    fn decide(&self, token: &str, decision: Decision) -> Option<Outcome> {
        let mut possible = false;
        let session = self.change_by_link(token, |session| {
            possible = self.choices(session).contains(&decision);
            match decision {
                Decision::Approve if possible => {
                    let mobile = session.mobile.clone();
                    session.approve(|| self.accounts(&mobile), self.now());
                }
                Decision::Reject if possible => session.reject(self.now()),
                Decision::Revoke if possible => session.revoke(self.now()),
                _ => {}
            }
        })?;
        Some(match session.return_url {
            _ if !possible => Outcome::NotNow,
            // Nothing is added to the address: what Finpass adds is not documented.
            Some(url) if decision != Decision::Revoke => Outcome::Redirect(url),
            _ => Outcome::Done,
        })
    }

    fn pages(&self, mobile: &str) -> Vec<String> {
        let sessions = self.sessions();
        let theirs = |client_id: &String| sessions.by_client.get(client_id).is_some_and(|session| session.mobile == mobile);
        sessions.links.iter().filter(|(_, client_id)| theirs(client_id)).map(|(token, _)| token.clone()).collect()
    }
}

fn lines(session: &Session) -> Vec<String> {
    let why = match session.consent_type {
        ConsentType::Underwriting => "A lender wants to see your statements of the last year once, to decide on a loan.",
        ConsentType::Monitoring => "A lender wants to see your statements again and again while your loan runs.",
    };
    let how = match session.product {
        Product::Plain => "Your accounts are shared as they are.",
        Product::Analyser => "Your deposit accounts are shared and analysed.",
    };
    vec![why.to_owned(), how.to_owned()]
}

impl Finpass {
    fn choices(&self, session: &Session) -> Vec<Decision> {
        if session.is_undecided(self.now()) {
            vec![Decision::Approve, Decision::Reject]
        } else if session.consent == ConsentState::Active {
            vec![Decision::Revoke]
        } else {
            Vec::new()
        }
    }

    /// Changes a session by its link, tells its owner if its status changed, and answers it.
    fn change_by_link(&self, token: &str, change: impl FnOnce(&mut Session)) -> Option<Session> {
        let now = self.now();
        let (client_id, session, changed) = {
            let mut sessions = self.sessions();
            let client_id = sessions.links.get(token)?.clone();
            let session = sessions.by_client.get_mut(&client_id)?;
            let before = (session.consent, session.journey_status(now));
            change(session);
            let changed = (session.consent, session.journey_status(now)) != before;
            (client_id, session.clone(), changed)
        };
        if changed {
            self.tell(&client_id, &session);
        }
        Some(session)
    }
}
