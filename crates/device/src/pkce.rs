//! Code flows that tools run by themselves (`/pkce/*`). Of a flow only what proves that its parts belong together is kept,
//! in memory: the verifier stays with the tool, and the tokens go to it and to nobody else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;
use usher_issuer::{Issuer, IssuerKind, Kind, TokenReply, Trouble, challenge, plain, random_text};
use usher_wire::{
    AuditActionEnum, Caller, ChallengedPKCE, Code, Error, OAuthGroup, OAuthToken, PKCE, PKCEGrant,
    PKCERedirect, PKCERedirects, Result, ResultedPKCE, Secret, SeededPKCE, TokenizedPKCE,
};

use crate::Device;
use crate::sign_in::{Redirect, check_redirect, is_same};

/// Where a browser comes back to when the tool has no place of its own for it.
const CALLBACK: &str = "/pkce/response/code";
/// Flows at once; one more ends the oldest.
const MOST: usize = 32;
/// How long a flow may take.
const WITHIN: Duration = Duration::from_secs(600);
/// What the record of token reads calls it.
const SUBJECT: &str = "PKCE token";

/// The flows that are going on, the oldest first.
#[derive(Default)]
pub(crate) struct Flows(Mutex<VecDeque<Flow>>);

struct Flow {
    /// Also its nonce, as the documentation of the clients says.
    state: Secret,
    challenge: String,
    begun: Instant,
    /// The application that began it.
    owner: Option<String>,
    asked: Option<Asked>,
    /// What came back, once something has.
    back: Option<Result<Secret>>,
}

/// Whom the person was sent to, and where he comes back to.
#[derive(Clone)]
struct Asked {
    issuer: Arc<Issuer>,
    redirect_uri: String,
}

impl Flows {
    /// Those that still may go on.
    fn live(&self) -> MutexGuard<'_, VecDeque<Flow>> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|flow| flow.begun.elapsed() < WITHIN);
        flows
    }

    fn begin(&self, flow: Flow) {
        let mut flows = self.live();
        if flows.len() == MOST {
            flows.pop_front();
        }
        flows.push_back(flow);
    }

    /// Ends the flows of an application, or of all callers that named none.
    pub(crate) fn clear(&self, caller: &Caller) {
        self.live().retain(|flow| flow.owner != caller.application);
    }

    /// Works on the flow with this state.
    fn with<T>(&self, state: &Secret, work: impl FnOnce(&mut Flow) -> Result<T>) -> Result<T> {
        let mut flows = self.live();
        let flow = flows.iter_mut().find(|flow| is_same(flow.state.expose(), state.expose()));
        work(flow.ok_or_else(unknown)?)
    }

    /// Takes out the flow with this challenge, if `fits` finds nothing wrong: a code is exchanged once.
    fn take(&self, challenge: &str, fits: impl FnOnce(&Flow) -> Result<()>) -> Result<Flow> {
        let mut flows = self.live();
        let place = flows.iter().position(|flow| is_same(&flow.challenge, challenge)).ok_or_else(unknown)?;
        fits(&flows[place])?;
        flows.remove(place).ok_or_else(unknown)
    }
}

fn unknown() -> Error {
    Error::new(Code::NotFound, "there is no such flow, or it took too long: begin with `GET /pkce/challenge`")
}

impl Device {
    pub(crate) fn begin_pkce(&self, caller: &Caller) -> Result<PKCE> {
        self.opened()?;
        self.find_issuer(None)?;
        let (verifier, state) = (random_text(&self.0.ambient), random_text(&self.0.ambient));
        let challenge = challenge(&verifier);
        self.0.flows.begin(Flow {
            state: state.clone(),
            challenge: challenge.clone(),
            begun: Instant::now(),
            owner: caller.application.clone(),
            asked: None,
            back: None,
        });
        let nonce = state.clone();
        let begun = ChallengedPKCE { challenge, method: "S256".into(), nonce, state, verifier, schema: None };
        Ok(PKCE { challenge: Some(begun), ..PKCE::default() })
    }

    /// Completes what is asked and answers the address for it, and what has come back since.
    pub(crate) async fn ask_for_code(&self, mut seed: SeededPKCE) -> Result<PKCE> {
        self.opened()?;
        self.find_issuer(None)?;
        let issuer = Arc::clone(self.issuer_of(&seed)?);
        let redirect_uri = match named(&seed.redirect_uri) {
            Some(own) => own.to_owned(),
            None => {
                // A query would be read by a page, a form is not.
                seed.response_mode = Some("form_post".into());
                self.callback(&issuer.settings, CALLBACK)?
            }
        };
        self.0.flows.with(&seed.state, |flow| is_question_of(&seed, flow))?;
        let metadata = issuer.metadata().await.map_err(Error::from)?;
        seed.redirect_uri = Some(redirect_uri.clone());
        seed.domain = Some(metadata.authorization_endpoint.to_string());
        let url = address(&issuer, &metadata.authorization_endpoint, &seed);
        let back = self.0.flows.with(&seed.state, |flow| {
            flow.asked.get_or_insert(Asked { issuer, redirect_uri });
            flow.back.clone().transpose()
        })?;
        let result = back.map(|code| ResultedPKCE { code, state: seed.state.clone(), schema: None });
        Ok(PKCE { seed: Some(seed), url: Some(url.into()), result, ..PKCE::default() })
    }

    /// Whose client it is; by the domain where two providers know clients of the same name.
    fn issuer_of(&self, seed: &SeededPKCE) -> Result<&Arc<Issuer>> {
        let domain = named(&seed.domain);
        let is_wanted = |issuer: &&Arc<Issuer>| {
            issuer.settings.client_id == seed.client_id
                && domain.is_none_or(|domain| domain.starts_with(issuer.settings.id()))
        };
        self.0.issuers.iter().find(is_wanted).ok_or_else(|| {
            let known: Vec<&str> =
                self.0.issuers.iter().map(|issuer| issuer.settings.client_id.as_str()).collect();
            let known = known.join(", ");
            Error::invalid_value(
                "client_id",
                format_args!("must be one of {known}, and `domain` absent or its issuer"),
            )
        })
    }

    /// Takes what the provider sent back. What belongs to no flow, or comes twice, changes nothing.
    pub(crate) async fn take_code(&self, redirect: PKCERedirect) -> Result<PKCE> {
        self.opened()?;
        let asked = self.0.flows.with(&redirect.state, |flow| is_awaited(flow))?;
        let metadata = asked.issuer.metadata().await.map_err(Error::from)?;
        let PKCERedirect { code, state, iss, error, error_description, by_browser } = redirect;
        // The clients' own call has no place for it, and the tool chose the provider.
        let iss = iss.or_else(|| (!by_browser).then(|| metadata.issuer.clone()));
        let redirect = Redirect {
            code,
            issuer: iss,
            error: error.as_deref().map(plain),
            why: error_description.as_deref().map(plain),
        };
        let back = check_redirect(&redirect, &metadata).cloned().map_err(Error::from);
        self.0.flows.with(&state, |flow| {
            is_awaited(flow)?;
            flow.back = Some(back.clone());
            Ok(())
        })?;
        let result = ResultedPKCE { code: back?, state, schema: None };
        Ok(PKCE { result: Some(result), ..PKCE::default() })
    }

    /// Exchanges a code for whoever has the verifier. Tokens go to registered applications only, here as elsewhere.
    pub(crate) async fn exchange(&self, caller: &Caller, token: TokenizedPKCE) -> Result<PKCE> {
        self.require_registered(caller).await?;
        if token.grant_type != "authorization_code" {
            return Err(Error::invalid_value(
                "grant_type",
                "must be `authorization_code`: for new tokens ask `GET /user/access_token`",
            ));
        }
        let flow = self.0.flows.take(&challenge(&token.code_verifier), |flow| is_code_of(&token, flow))?;
        let asked = flow.asked.clone().ok_or_else(unknown)?;
        let exchanging = self.granted(&asked, &token, &flow.state);
        let reply = match self.in_time(exchanging).await {
            Ok(reply) => reply,
            Err(trouble) => {
                // The code never arrived, so it is as good as before.
                if trouble.kind == Kind::Unreachable {
                    self.0.flows.begin(flow);
                }
                return Err(trouble.into());
            }
        };
        let witness = self.witness(caller);
        // Written down before the tokens are out of our hands.
        self.write(move |tx| witness.record(tx, AuditActionEnum::TokenRead, None, Some(SUBJECT))).await?;
        Ok(grant(&asked, reply))
    }

    async fn granted(
        &self,
        asked: &Asked,
        token: &TokenizedPKCE,
        nonce: &Secret,
    ) -> usher_issuer::Result<TokenReply> {
        let (code, verifier) = (token.code.expose(), &token.code_verifier);
        let reply = asked.issuer.exchange_code(code, verifier, &asked.redirect_uri).await?;
        let id_token = reply.id_token.as_ref().ok_or_else(|| {
            Trouble::new(Kind::Failed, "the provider sent no ID token: ask for the scope `openid`")
        })?;
        asked.issuer.id_token(id_token.expose(), Some(nonce.expose()), self.0.ambient.now()).await?;
        Ok(reply)
    }
}

/// A member with a value; the official clients write `UNKNOWN` where they have none.
fn named(member: &Option<String>) -> Option<&str> {
    member.as_deref().filter(|value| !value.is_empty() && *value != "UNKNOWN")
}

fn is_question_of(seed: &SeededPKCE, flow: &Flow) -> Result<()> {
    for (member, value, expected) in [
        ("response_type", seed.response_type.as_str(), "code"),
        ("code_challenge_method", &seed.code_challenge_method, "S256"),
    ] {
        if value != expected {
            return Err(Error::invalid_value(member, format_args!("must be `{expected}`")));
        }
    }
    if !seed.scope.iter().any(|scope| scope == "openid") {
        return Err(Error::invalid_value("scope", "must hold `openid`"));
    }
    for (member, value, expected) in [
        ("code_challenge", seed.code_challenge.as_str(), flow.challenge.as_str()),
        ("nonce", seed.nonce.expose(), flow.state.expose()),
    ] {
        if !is_same(value, expected) {
            return Err(Error::invalid_value(member, "is not the one of this flow (`GET /pkce/challenge`)"));
        }
    }
    let is_elsewhere = |asked: &Asked| {
        named(&seed.redirect_uri).is_some_and(|uri| uri != asked.redirect_uri)
            || asked.issuer.settings.client_id != seed.client_id
    };
    if flow.asked.as_ref().is_some_and(is_elsewhere) {
        return Err(Error::new(Code::Conflict, "this flow was begun otherwise: begin another one"));
    }
    Ok(())
}

fn is_awaited(flow: &Flow) -> Result<Asked> {
    match (&flow.asked, &flow.back) {
        (Some(asked), None) => Ok(asked.clone()),
        _ => Err(Error::new(Code::Conflict, "this flow waits for no code: see `POST /pkce/code`")),
    }
}

fn is_code_of(token: &TokenizedPKCE, flow: &Flow) -> Result<()> {
    let Some(asked) = &flow.asked else {
        return Err(Error::new(Code::Conflict, "nobody was asked for a code: go on with `POST /pkce/code`"));
    };
    if token.client_id != asked.issuer.settings.client_id {
        return Err(Error::invalid_value("client_id", "is not the one of this flow"));
    }
    if token.redirect_uri != asked.redirect_uri {
        return Err(Error::invalid_value("redirect_uri", "is not the one of this flow"));
    }
    match &flow.back {
        Some(Ok(code)) if !is_same(code.expose(), token.code.expose()) => {
            Err(Error::invalid_value("code", "is not the one that came back"))
        }
        Some(Err(refusal)) => Err(refusal.clone()),
        _ => Ok(()),
    }
}

fn address(issuer: &Issuer, endpoint: &Url, seed: &SeededPKCE) -> Url {
    let mut url = endpoint.clone();
    let scope = seed.scope.join(" ");
    let more = seed.additional_parameters.clone().unwrap_or_default();
    let audience = named(&seed.audience).or(issuer.settings.audience.as_deref());
    // Without consent to it some providers leave the refresh token out and say nothing (Core, 11).
    let offline = seed.scope.iter().any(|scope| scope == "offline_access").then_some("consent");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &seed.client_id)
        .append_pair("scope", &scope)
        .append_pair("state", seed.state.expose())
        .append_pair("nonce", seed.nonce.expose())
        .append_pair("code_challenge", &seed.code_challenge)
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(
            [
                ("redirect_uri", named(&seed.redirect_uri)),
                ("response_mode", named(&seed.response_mode)),
                ("audience", audience),
                ("prompt", named(&seed.prompt).or(offline)),
                ("screen_hint", named(&seed.screen_hint)),
                ("organization", named(&seed.organization)),
                ("invitation", named(&seed.invitation)),
                ("access_type", named(&more.access_type)),
                ("display", named(&more.display)),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
        );
    url
}

fn grant(asked: &Asked, reply: TokenReply) -> PKCE {
    let settings = &asked.issuer.settings;
    let token = OAuthToken {
        access_token: reply.access_token,
        token_type: "Bearer".into(),
        expires_in: reply.expires_in.unwrap_or_default(),
        refresh_token: reply.refresh_token,
        id_token: reply.id_token,
        scope: reply.scope,
        schema: None,
    };
    let grant = PKCEGrant {
        domain: settings.id().to_owned(),
        client: settings.client_id.clone(),
        audience: settings.audience.clone().unwrap_or_default(),
        o_auth: OAuthGroup { token: Some(token) },
        redirects: PKCERedirects { authenticated: Some(asked.redirect_uri.clone()) },
    };
    match settings.kind() {
        IssuerKind::Descope => PKCE { descope: Some(grant), ..PKCE::default() },
        _ => PKCE { auth0: Some(grant), ..PKCE::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(state: &str, owner: Option<&str>) -> Flow {
        Flow {
            state: state.into(),
            challenge: format!("of {state}"),
            begun: Instant::now(),
            owner: owner.map(str::to_owned),
            asked: None,
            back: None,
        }
    }

    fn knows(flows: &Flows, state: &str) -> bool {
        flows.with(&state.into(), |_| Ok(())).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn flows_are_bounded_in_number_and_time() {
        let flows = Flows::default();
        for number in 0..=MOST {
            flows.begin(flow(&number.to_string(), None));
        }
        assert!(!knows(&flows, "0") && knows(&flows, "1") && knows(&flows, &MOST.to_string()));
        tokio::time::advance(WITHIN - Duration::from_secs(1)).await;
        flows.begin(flow("late", None));
        assert!(knows(&flows, "2"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!knows(&flows, "2") && knows(&flows, "late"));
    }

    #[tokio::test]
    async fn an_application_clears_its_own_flows() {
        let flows = Flows::default();
        flows.begin(flow("one", Some("a")));
        flows.begin(flow("two", None));
        flows.clear(&Caller::default());
        assert!(knows(&flows, "one") && !knows(&flows, "two"));
    }
}
