//! What a provider says about a person: the standard claims, and what Auth0 and Descope add to them.

use serde_json::{Map, Value};
use usher_domain::profile::{check_email, check_name, check_picture, check_username};
use usher_domain::store::{Tx, Work};
use usher_wire::{Auth0UserMetadata, DescopeUserMetadata, UserProfile};
use uuid::Uuid;

use crate::settings::IssuerKind;
use crate::{Kind, Result, Trouble};

/// The claims about one person. The subject is among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Puts into a profile what the provider says. The e-mail is the provider's to say; name, user name and picture may
    /// have been changed here since.
    pub fn fill(&self, tx: &Tx<'_>, profile: &mut UserProfile, kind: IssuerKind) -> Work<()> {
        let is_empty = |member: &Option<String>| member.as_deref().is_none_or(str::is_empty);
        if let Some(email) = self.email() {
            profile.email = Some(email.to_owned());
        }
        if is_empty(&profile.name) {
            profile.name = self.name().map(str::to_owned);
        }
        if is_empty(&profile.picture) {
            profile.picture = self.picture().map(str::to_owned);
        }
        if let Some(username) = self.username().filter(|_| is_empty(&profile.username))
            && !tx.username_is_taken(username, &profile.id)?
        {
            profile.username = Some(username.to_owned());
        }
        profile.auth0 = self.auth0(kind, &profile.id).or(profile.auth0.take());
        profile.descope = self.descope(kind, &profile.id).or(profile.descope.take());
        Ok(())
    }

    /// The id for a new account: the one the person has across services where that is free, else `new`.
    pub fn account_id(&self, tx: &Tx<'_>, new: Uuid) -> Work<String> {
        let global = self.global_id().and_then(|id| Uuid::parse_str(id).ok()).map(|id| id.to_string());
        let is_free = |id: &String| -> Work<bool> { Ok(tx.user(id)?.is_none()) };
        Ok(match global {
            Some(id) if is_free(&id)? => id,
            _ => new.to_string(),
        })
    }

    /// The claims of a document that says whose they are.
    pub fn new(claims: Map<String, Value>) -> Result<Self> {
        let claims = Self(claims);
        if claims.subject().is_empty() {
            return Err(Trouble::new(Kind::Invalid, "the provider does not say who signed in (no `sub`)"));
        }
        Ok(claims)
    }

    /// Adds what a second document says about the same person.
    pub fn and(mut self, more: Self) -> Result<Self> {
        if more.subject() != self.subject() {
            return Err(Trouble::new(Kind::Invalid, "the provider's two answers are about two people"));
        }
        self.0.extend(more.0);
        Ok(self)
    }

    /// Who it is, by the provider's own name.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// Display name.
    pub fn name(&self) -> Option<&str> {
        self.text("name").filter(|name| check_name(name).is_ok())
    }

    /// Mail address.
    pub fn email(&self) -> Option<&str> {
        self.text("email").filter(|email| check_email(email).is_ok())
    }

    /// URL of a picture.
    pub fn picture(&self) -> Option<&str> {
        self.text("picture").filter(|picture| check_picture(picture).is_ok())
    }

    /// A user name to begin with.
    pub fn username(&self) -> Option<&str> {
        let names = ["preferred_username", "username", "nickname"].into_iter();
        names.filter_map(|name| self.text(name)).find(|name| check_username(name).is_ok())
    }

    /// The id of the person across services, where the provider knows one.
    pub fn global_id(&self) -> Option<&str> {
        self.metadata("global_id").and_then(Value::as_str).filter(|id| !id.is_empty())
    }

    /// When the token these claims were read from was made, in seconds since 1970.
    pub fn issued(&self) -> Option<i64> {
        self.0.get("iat").and_then(Value::as_f64).map(|seconds| seconds as i64)
    }

    /// When the provider asked the person last who he is (`auth_time`), in seconds since 1970.
    pub fn authenticated(&self) -> Option<i64> {
        self.0.get("auth_time").and_then(Value::as_f64).map(|seconds| seconds as i64)
    }

    /// The provider's session (OpenID Connect Front-Channel Logout 1.0, `sid`).
    pub fn session(&self) -> Option<&str> {
        self.text("sid")
    }

    /// When the token these claims were read from ends, in seconds since 1970.
    pub fn expires(&self) -> Option<i64> {
        self.0.get("exp").and_then(Value::as_f64).map(|seconds| seconds as i64)
    }

    /// What Auth0 keeps for the person; `user` stands for an id across services that it does not send.
    pub fn auth0(&self, kind: IssuerKind, user: &str) -> Option<Auth0UserMetadata> {
        (kind == IssuerKind::Auth0).then(|| self.model(&[("global_id", user)])).flatten()
    }

    /// The same of Descope.
    pub fn descope(&self, kind: IssuerKind, user: &str) -> Option<DescopeUserMetadata> {
        let usual = [("global_id", user), ("descope_id", self.subject())];
        (kind == IssuerKind::Descope).then(|| self.model(&usual)).flatten()
    }

    /// The metadata as a model, with what it must have and the provider left out.
    fn model<T: serde::de::DeserializeOwned>(&self, usual: &[(&str, &str)]) -> Option<T> {
        const MEMBERS: [&str; 4] = ["global_id", "descope_id", "vanityname", "allocation"];
        let mut members = Map::new();
        for (name, value) in usual {
            members.insert((*name).to_owned(), Value::from(*value));
        }
        for name in MEMBERS {
            if let Some(value) = self.metadata(name).filter(|value| !value.is_null()) {
                members.insert(name.to_owned(), value.clone());
            }
        }
        serde_json::from_value(Value::Object(members)).ok()
    }

    /// A member of the metadata: Auth0 puts it into claims whose names begin with a URL, or into `user_metadata`;
    /// Descope into claims, or into `customAttributes`.
    fn metadata(&self, name: &str) -> Option<&Value> {
        let inside = |(key, value): (&str, &'_ Value)| -> bool {
            value.is_object() && matches!(last(key), "user_metadata" | "customAttributes")
        };
        self.0
            .get(name)
            .or_else(|| self.0.iter().find(|(key, _)| last(key) == name).map(|(_, value)| value))
            .or_else(|| {
                self.0
                    .iter()
                    .filter(|(key, value)| inside((key, value)))
                    .find_map(|(_, value)| value.get(name))
            })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }
}

/// The claim itself, without the URL that keeps it apart from those of others.
fn last(key: &str) -> &str {
    if key.contains("://") { key.rsplit('/').next().unwrap_or(key) } else { key }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(json: Value) -> Claims {
        Claims::new(json.as_object().unwrap().clone()).unwrap()
    }

    #[test]
    fn auth0_metadata_is_found_where_its_actions_put_it() {
        for json in [
            json!({ "sub": "auth0|a", "https://example.test/global_id": "g", "https://example.test/vanityname": "ada" }),
            json!({ "sub": "auth0|a", "user_metadata": { "global_id": "g", "vanityname": "ada" } }),
            json!({ "sub": "auth0|a", "https://example.test/user_metadata": { "global_id": "g", "vanityname": "ada" } }),
        ] {
            let auth0 = claims(json.clone()).auth0(IssuerKind::Auth0, "u").unwrap();
            assert_eq!((auth0.global_id.as_str(), auth0.vanityname.as_deref()), ("g", Some("ada")), "{json}");
        }
        let bare = claims(json!({ "sub": "auth0|a" }));
        assert_eq!(bare.auth0(IssuerKind::Auth0, "u").unwrap().global_id, "u");
        assert_eq!(bare.auth0(IssuerKind::Generic, "u"), None);
    }

    #[test]
    fn descope_metadata_names_the_subject() {
        let claims = claims(json!({ "sub": "U2x", "customAttributes": { "global_id": "g" } }));
        let descope = claims.descope(IssuerKind::Descope, "u").unwrap();
        assert_eq!((descope.descope_id.as_str(), descope.global_id.as_str()), ("U2x", "g"));
    }

    #[test]
    fn what_breaks_our_limits_is_left_out() {
        let claims =
            claims(json!({ "sub": "x", "name": "n".repeat(201), "email": "none", "picture": "ftp://x",
                                    "preferred_username": "ada lovelace", "nickname": "ada" }));
        assert_eq!((claims.name(), claims.email(), claims.picture()), (None, None, None));
        assert_eq!(claims.username(), Some("ada"));
    }

    #[test]
    fn two_people_are_not_mixed() {
        let two = claims(json!({ "sub": "a" })).and(claims(json!({ "sub": "b" })));
        assert_eq!(two.unwrap_err().kind, Kind::Invalid);
    }
}
