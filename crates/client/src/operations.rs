//! The operations of the API, each as its one request.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use usher_wire::{
    About, AllocationCloud, Allocations, Applications, Audit, Auth0User, Context, Deletion, Entities, Entity,
    HasFeatureAccessInput, HasFeatureAccessOutput, OAuthToken, Origin, OriginDecision, Origins, PKCE,
    PKCERedirect, Present, ProfileUpdate, RefreshedPaddleUser, ReturnedUserProfile, Secret,
    SeededConnectorConnection, SeededEntity, SeededPKCE, SignIn, SignInRedirect, SignInRequest, Status,
    Subscription, Subscriptions, TokenizedPKCE, UserBetaStatus, UserCheckoutOutput, UserExport,
    UserLastCheckedInStreamOutput, UserManageSubscriptionsOutput, UserProfile, UserSessions, Users,
};

use crate::{
    Caller, Client, Result, UserApi,
    http::{EMPTY, path},
    stream::{CheckIns, User},
};

#[async_trait]
impl UserApi for Client {
    async fn user_snapshot(&self, caller: &Caller) -> Result<Arc<Present>> {
        let answer = self.get(caller, "/user").await?;
        let envelope: ReturnedUserProfile = answer.json()?;
        Ok(Arc::new(Present::new(answer.version(), envelope.user)))
    }

    async fn clear_user(&self, caller: &Caller) -> Result<()> {
        self.post(caller, "/user/clear", EMPTY).await.map(drop)
    }

    async fn refresh_user(&self, caller: &Caller) -> Result<UserProfile> {
        self.get(caller, "/user/refresh").await?.json()
    }

    async fn select_user(&self, caller: &Caller, user: Option<Auth0User>) -> Result<UserProfile> {
        self.post(caller, "/user/select", user.as_ref()).await?.json()
    }

    async fn stream_user(&self, caller: &Caller) -> Result<BoxStream<'static, Arc<Present>>> {
        self.follow(caller, User::default()).await
    }

    async fn update_user(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile> {
        self.post(caller, "/user/update", Some(&edit)).await?.json()
    }

    async fn user_beta_status(&self, caller: &Caller, status: UserBetaStatus) -> Result<UserBetaStatus> {
        self.post(caller, "/user/beta/status", Some(&status)).await?.json()
    }

    async fn user_providers(&self, caller: &Caller) -> Result<ReturnedUserProfile> {
        self.get(caller, "/user/providers").await?.json()
    }

    async fn user_update_vanity(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile> {
        self.post(caller, "/user/update/vanity", Some(&edit)).await?.json()
    }

    async fn user_access_token(&self, caller: &Caller) -> Result<Secret> {
        Ok(Secret::from(self.get(caller, "/user/access_token").await?.text()))
    }

    async fn stream_user_last_checked_in(
        &self,
        caller: &Caller,
    ) -> Result<BoxStream<'static, UserLastCheckedInStreamOutput>> {
        self.follow(caller, CheckIns).await
    }

    async fn user_checkout(&self, caller: &Caller) -> Result<UserCheckoutOutput> {
        self.post(caller, "/user/checkout", EMPTY).await?.json()
    }

    async fn user_manage_subscriptions(&self, caller: &Caller) -> Result<UserManageSubscriptionsOutput> {
        self.post(caller, "/user/manage/subscriptions", EMPTY).await?.json()
    }

    async fn user_paddle_refresh(&self, caller: &Caller) -> Result<RefreshedPaddleUser> {
        self.get(caller, "/user/paddle/refresh").await?.json()
    }

    async fn user_has_feature_access(
        &self,
        caller: &Caller,
        input: HasFeatureAccessInput,
    ) -> Result<HasFeatureAccessOutput> {
        self.post(caller, "/user/has_feature_access", Some(&input)).await?.json()
    }

    async fn user_associate_entity(&self, caller: &Caller, user: &str, entity: &str) -> Result<()> {
        let path = path(&["user", user, "entities", "associate", entity])?;
        self.post(caller, &path, EMPTY).await.map(drop)
    }

    async fn user_disassociate_entity(&self, caller: &Caller, user: &str, entity: &str) -> Result<()> {
        let path = path(&["user", user, "entities", "disassociate", entity])?;
        self.post(caller, &path, EMPTY).await.map(drop)
    }

    async fn users_snapshot(&self, caller: &Caller) -> Result<Users> {
        self.get(caller, "/users").await?.json()
    }

    async fn users_specific_user_snapshot(&self, caller: &Caller, user: &str) -> Result<UserProfile> {
        self.get(caller, &path(&["users", user])?).await?.json()
    }

    async fn users_disconnect_user(&self, caller: &Caller, user: &str) -> Result<Users> {
        self.post(caller, &path(&["users", user, "disconnect"])?, EMPTY).await?.json()
    }

    async fn authenticate_from_oauth_token(&self, caller: &Caller, token: OAuthToken) -> Result<UserProfile> {
        self.post(caller, "/users/authenticate/from_token", Some(&token)).await?.json()
    }

    async fn sign_into_os(&self, caller: &Caller) -> Result<UserProfile> {
        self.post_and_wait(caller, "/os/sign_in").await?.json()
    }

    async fn sign_out_of_os(&self, caller: &Caller) -> Result<Users> {
        self.post(caller, "/os/sign_out", EMPTY).await?.json()
    }

    async fn start_sign_in(&self, caller: &Caller, request: SignInRequest) -> Result<SignIn> {
        self.post(caller, "/sign-in", Some(&request)).await?.json()
    }

    async fn sign_in_snapshot(&self, caller: &Caller, sign_in: &str) -> Result<SignIn> {
        self.get(caller, &path(&["sign-in", sign_in])?).await?.json()
    }

    async fn stream_sign_in(&self, caller: &Caller, sign_in: &str) -> Result<BoxStream<'static, SignIn>> {
        self.follow_sign_in(caller, sign_in).await
    }

    async fn paste_into_sign_in(
        &self,
        caller: &Caller,
        sign_in: &str,
        redirect: SignInRedirect,
    ) -> Result<SignIn> {
        self.post(caller, &path(&["sign-in", sign_in, "paste"])?, Some(&redirect)).await?.json()
    }

    async fn cancel_sign_in(&self, caller: &Caller, sign_in: &str) -> Result<SignIn> {
        self.post(caller, &path(&["sign-in", sign_in, "cancel"])?, EMPTY).await?.json()
    }

    async fn sessions_snapshot(&self, caller: &Caller) -> Result<UserSessions> {
        self.get(caller, "/sessions").await?.json()
    }

    async fn revoke_session(&self, caller: &Caller, session: &str) -> Result<UserSessions> {
        self.post(caller, &path(&["sessions", session, "revoke"])?, EMPTY).await?.json()
    }

    async fn export_user(&self, caller: &Caller) -> Result<UserExport> {
        self.get(caller, "/user/export").await?.json()
    }

    async fn delete_user(&self, caller: &Caller) -> Result<Deletion> {
        self.post(caller, "/user/delete", EMPTY).await?.json()
    }

    async fn deletion_snapshot(&self, caller: &Caller, receipt: &str) -> Result<Deletion> {
        self.get(caller, &path(&["user", "delete", receipt])?).await?.json()
    }

    async fn get_challenge(&self, caller: &Caller) -> Result<PKCE> {
        self.get(caller, "/pkce/challenge").await?.json()
    }

    async fn generate_code(&self, caller: &Caller, seed: SeededPKCE) -> Result<PKCE> {
        self.post(caller, "/pkce/code", Some(&seed)).await?.json()
    }

    async fn respond_with_code(&self, caller: &Caller, redirect: PKCERedirect) -> Result<PKCE> {
        self.post(caller, "/pkce/response/code", Some(&redirect)).await?.json()
    }

    async fn generate_token(&self, caller: &Caller, token: TokenizedPKCE) -> Result<PKCE> {
        self.post(caller, "/pkce/token", Some(&token)).await?.json()
    }

    async fn clear_pkce(&self, caller: &Caller) -> Result<()> {
        self.post(caller, "/pkce/clear", EMPTY).await.map(drop)
    }

    async fn connect(&self, caller: &Caller, connection: SeededConnectorConnection) -> Result<Context> {
        self.post(caller, "/connect", Some(&connection)).await?.json()
    }

    async fn applications_snapshot(&self, caller: &Caller) -> Result<Applications> {
        self.get(caller, "/applications").await?.json()
    }

    async fn revoke_application(&self, caller: &Caller, application: &str) -> Result<Applications> {
        self.post(caller, &path(&["applications", application, "revoke"])?, EMPTY).await?.json()
    }

    async fn restore_application(&self, caller: &Caller, application: &str) -> Result<Applications> {
        self.post(caller, &path(&["applications", application, "restore"])?, EMPTY).await?.json()
    }

    async fn origins_snapshot(&self, caller: &Caller) -> Result<Origins> {
        self.get(caller, "/origins").await?.json()
    }

    async fn decide_origin(&self, caller: &Caller, decision: OriginDecision) -> Result<Origin> {
        self.post(caller, "/origins", Some(&decision)).await?.json()
    }

    async fn audit_snapshot(&self, caller: &Caller) -> Result<Audit> {
        self.get(caller, "/audit").await?.json()
    }

    async fn allocations_snapshot(&self, caller: &Caller) -> Result<Allocations> {
        self.get(caller, "/allocations").await?.json()
    }

    async fn allocation_snapshot(&self, caller: &Caller, allocation: &str) -> Result<AllocationCloud> {
        self.get(caller, &path(&["allocation", allocation])?).await?.json()
    }

    async fn allocations_connect_new_cloud(&self, caller: &Caller) -> Result<AllocationCloud> {
        self.post(caller, "/allocations/connect", EMPTY).await?.json()
    }

    async fn allocations_disconnect_cloud(&self, caller: &Caller) -> Result<String> {
        Ok(self.post(caller, "/allocations/disconnect", EMPTY).await?.text())
    }

    async fn entities_snapshot(&self, caller: &Caller) -> Result<Entities> {
        self.get(caller, "/entities").await?.json()
    }

    async fn entities_specific_entity_snapshot(&self, caller: &Caller, entity: &str) -> Result<Entity> {
        self.get(caller, &path(&["entity", entity])?).await?.json()
    }

    async fn entities_create_new_entity(&self, caller: &Caller, entity: SeededEntity) -> Result<Entity> {
        self.post(caller, "/entities/create", Some(&entity)).await?.json()
    }

    async fn entity_update(&self, caller: &Caller, entity: Entity) -> Result<Entity> {
        self.post(caller, "/entity/update", Some(&entity)).await?.json()
    }

    async fn entities_delete_specific_entity(&self, caller: &Caller, entity: &str) -> Result<()> {
        self.post(caller, &path(&["entities", entity, "delete"])?, EMPTY).await.map(drop)
    }

    async fn subscriptions_snapshot(&self, caller: &Caller) -> Result<Subscriptions> {
        self.get(caller, "/subscriptions").await?.json()
    }

    async fn subscriptions_specific_subscription_snapshot(
        &self,
        caller: &Caller,
        subscription: &str,
    ) -> Result<Subscription> {
        self.get(caller, &path(&["subscription", subscription])?).await?.json()
    }

    async fn status(&self, caller: &Caller) -> Result<Status> {
        self.get(caller, "/status").await?.json()
    }

    /// What is known without asking: the version of this crate. [`status`](UserApi::status) tells the daemon's.
    fn about(&self) -> About {
        About { os: None, version: env!("CARGO_PKG_VERSION") }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::{
        Version,
        testing::{client_of, profile, recorder},
    };

    fn model<T: DeserializeOwned>(json: serde_json::Value) -> T {
        serde_json::from_value(json).unwrap()
    }

    #[tokio::test]
    async fn the_snapshot_knows_its_version() {
        let body = json!({"user": profile("ada")}).to_string();
        let client = client_of(Router::new().route("/user", get(([("etag", "\"4-2\"")], body)))).await;
        let present = client.user_snapshot(&Caller::default()).await.unwrap();
        assert_eq!(present.version, Version { generation: 4, revision: 2 });
        assert_eq!(present.user.as_ref().unwrap().id, "ada");
    }

    #[tokio::test]
    async fn text_answers_are_taken_as_they_are() {
        let routes = Router::new().route("/user/access_token", get(|| async { "eyJ.abc" }));
        let token = client_of(routes).await.user_access_token(&Caller::default()).await.unwrap();
        assert_eq!(token.expose(), "eyJ.abc");
    }

    /// Awaits each call, whatever its answer, and notes beside its name what arrived.
    macro_rules! lines {
        ($client:ident, $heard:ident: $($operation:ident($($input:expr),*)),+ $(,)?) => {
            [$({
                let _ = $client.$operation(&Caller::default() $(, $input)*).await;
                let heard = $heard.recv().await.unwrap();
                (stringify!($operation), heard.line, String::from_utf8(heard.body.into()).unwrap())
            }),+]
        };
    }

    #[tokio::test]
    async fn reads_are_the_documented_requests() {
        let (client, mut heard) = recorder().await;
        let lines = lines!(client, heard:
            user_snapshot(), refresh_user(), user_providers(), user_access_token(), user_paddle_refresh(),
            users_snapshot(), users_specific_user_snapshot("u"), applications_snapshot(), allocations_snapshot(),
            allocation_snapshot("a"), entities_snapshot(), entities_specific_entity_snapshot("e"),
            subscriptions_snapshot(), subscriptions_specific_subscription_snapshot("s"), status(), sign_in_snapshot("i"), get_challenge(),
        );
        let expected = "/user /user/refresh /user/providers /user/access_token /user/paddle/refresh /users /users/u \
                        /applications /allocations /allocation/a /entities /entity/e /subscriptions /subscription/s /status \
                        /sign-in/i /pkce/challenge";
        for ((operation, line, body), path) in lines.iter().zip(expected.split_whitespace()) {
            assert_eq!((line, body.as_str()), (&format!("GET {path}"), ""), "{operation}");
        }
    }

    #[tokio::test]
    async fn writes_are_the_documented_requests() {
        let (client, mut heard) = recorder().await;
        let token = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 60});
        let application = json!({"application": {"name": "X", "platform": "LINUX", "version": "1.0.0"}});
        let edit = ProfileUpdate { id: Some("u".into()), ..Default::default() };
        let lines = lines!(client, heard:
            clear_user(), select_user(None), select_user(Some(model(json!({"name": "Ada"})))),
            update_user(edit.clone()), user_update_vanity(edit.clone()),
            user_beta_status(model(json!({"user": "u"}))), user_checkout(), user_manage_subscriptions(),
            user_has_feature_access(model(json!({"feature": "SENTRY"}))),
            user_associate_entity("u", "e"), user_disassociate_entity("u", "e"), users_disconnect_user("u"),
            authenticate_from_oauth_token(model(token.clone())), sign_into_os(), sign_out_of_os(),
            connect(model(application.clone())), allocations_connect_new_cloud(), allocations_disconnect_cloud(),
            start_sign_in(model(json!({"method": "device"}))), cancel_sign_in("i"),
            paste_into_sign_in("i", model(json!({"url": "http://127.0.0.1/?code=c"}))),
            respond_with_code(model(json!({"code": "c", "state": "s"}))), clear_pkce(),
        );
        let user = json!({"id": "u"});
        let expected = [
            ("/user/clear", None),
            ("/user/select", None),
            ("/user/select", Some(json!({"name": "Ada"}))),
            ("/user/update", Some(user.clone())),
            ("/user/update/vanity", Some(user)),
            ("/user/beta/status", Some(json!({"user": "u"}))),
            ("/user/checkout", None),
            ("/user/manage/subscriptions", None),
            ("/user/has_feature_access", Some(json!({"feature": "SENTRY"}))),
            ("/user/u/entities/associate/e", None),
            ("/user/u/entities/disassociate/e", None),
            ("/users/u/disconnect", None),
            ("/users/authenticate/from_token", Some(token)),
            ("/os/sign_in", None),
            ("/os/sign_out", None),
            ("/connect", Some(application)),
            ("/allocations/connect", None),
            ("/allocations/disconnect", None),
            ("/sign-in", Some(json!({"method": "device"}))),
            ("/sign-in/i/cancel", None),
            ("/sign-in/i/paste", Some(json!({"url": "http://127.0.0.1/?code=c"}))),
            ("/pkce/response/code", Some(json!({"code": "c", "state": "s"}))),
            ("/pkce/clear", None),
        ];
        assert_eq!(lines.len(), expected.len());
        for ((operation, line, body), (path, json)) in lines.iter().zip(expected) {
            assert_eq!(line, &format!("POST {path}"), "{operation}");
            assert_eq!(serde_json::from_str(body).ok(), json, "{operation}");
        }
    }
}
