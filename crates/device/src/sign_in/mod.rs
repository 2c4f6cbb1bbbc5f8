//! Signing in: one job at a time, with an id and a named state that everybody can watch. Whoever asks meanwhile joins it.
//! Each state is bounded in time, so every job ends.

mod browser;
mod job;
mod os;
mod wait;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio_stream::wrappers::WatchStream;
use usher_wire::{Code, Error, Result, SignIn, SignInMethodEnum as Method, SignInRedirect, SignInRequest};

use crate::Device;
use job::Job;
pub(crate) use job::{Redirect, is_same};
use usher_issuer::Issuer;
pub(crate) use wait::check_redirect;

/// How many sign-ins are remembered after their end.
const REMEMBERED: usize = 16;

/// The sign-ins of this run, the last one first, and where redirects arrive.
#[derive(Default)]
pub(crate) struct SignIns {
    jobs: Mutex<VecDeque<Arc<Job>>>,
    arrivals: OnceLock<Arrivals>,
}

/// Where the daemon listens for the redirect of a browser.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    /// The address of the daemon that redirects go to when any port will do.
    pub usual: Option<SocketAddr>,
    /// The ports, of those that issuers want fixed, on which it listens.
    pub fixed: Vec<u16>,
}

impl Device {
    /// Says where redirects arrive; sign-ins wait for no browser before that. Only the first call counts.
    pub fn listens_on(&self, arrivals: Arrivals) {
        drop(self.0.sign_ins.arrivals.set(arrivals));
    }

    /// Starts a sign-in, or joins the running one, and answers when there is something to show.
    pub(crate) async fn begin_sign_in(&self, request: SignInRequest) -> Result<SignIn> {
        let job = self.start_or_join(&request)?;
        let mut state = job.follow();
        let shown = state.wait_for(|state| state.url.is_some() || state.state.is_end()).await;
        // The sender is in the job, which we hold.
        shown
            .map(|state| state.clone())
            .map_err(|_| Error::new(Code::Internal, "the sign-in is gone: start it again"))
    }

    pub(crate) fn start_or_join(&self, request: &SignInRequest) -> Result<Arc<Job>> {
        self.opened()?;
        let issuer = self.find_issuer(request.issuer.as_deref())?;
        if request.method == Some(Method::Unknown) {
            return Err(Error::invalid_value("method", "must be `browser`, `device` or `paste`"));
        }
        let mut jobs = self.0.sign_ins.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = jobs.front().filter(|job| !job.state().state.is_end()) {
            let is_there = request.issuer.is_none() || job.state().issuer == issuer.settings.id();
            if is_there && job.agrees(request.method) {
                return Ok(Arc::clone(job));
            }
            job.cancel("another sign-in was started in its place");
        }
        let job = Arc::new(Job::new(self.0.ambient.uuid().to_string(), issuer.settings.id(), request.method));
        jobs.truncate(REMEMBERED - 1);
        jobs.push_front(Arc::clone(&job));
        job.start(self.clone(), Arc::clone(issuer));
        Ok(job)
    }

    /// Id of the sign-in that was started last.
    pub(crate) fn last_sign_in(&self) -> Option<String> {
        let jobs = self.0.sign_ins.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.front().map(|job| job.id())
    }

    /// The sign-in that runs.
    pub(crate) fn running_sign_in(&self) -> Option<Arc<Job>> {
        let jobs = self.0.sign_ins.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.front().filter(|job| !job.state().state.is_end()).cloned()
    }

    pub(crate) fn sign_in_job(&self, id: &str) -> Result<Arc<Job>> {
        self.opened()?;
        let jobs = self.0.sign_ins.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().find(|job| job.id() == id).cloned().ok_or_else(|| {
            Error::new(
                Code::NotFound,
                "this daemon knows no such sign-in, or it was started again since: start another one",
            )
        })
    }

    pub(crate) fn follow_sign_in(&self, id: &str) -> Result<BoxStream<'static, SignIn>> {
        let states = WatchStream::new(self.sign_in_job(id)?.follow());
        // The end is told, and nothing comes after it.
        let until_end = unfold((states, false), |(mut states, is_over)| async move {
            if is_over {
                return None;
            }
            let state = states.next().await?;
            let is_end = state.state.is_end();
            Some((state, (states, is_end)))
        });
        Ok(until_end.boxed())
    }

    pub(crate) fn end_sign_in(&self, id: &str) -> Result<SignIn> {
        let job = self.sign_in_job(id)?;
        job.cancel("it was cancelled");
        Ok(job.state())
    }

    pub(crate) fn paste(&self, id: &str, redirect: &SignInRedirect) -> Result<SignIn> {
        let job = self.sign_in_job(id)?;
        job.receive(redirect.url.expose())?;
        Ok(job.state())
    }

    /// The provider of this name or URL; without one the default.
    pub(crate) fn find_issuer(&self, wanted: Option<&str>) -> Result<&Arc<Issuer>> {
        let issuers = &self.0.issuers;
        let Some(wanted) = wanted else {
            return issuers.first().ok_or_else(|| Error::not_available_here(crate::NO_ISSUER));
        };
        let id = wanted.trim().trim_end_matches('/');
        let is_wanted = |issuer: &&Arc<Issuer>| {
            let name = issuer.settings.name.as_deref();
            issuer.settings.id() == id || name.is_some_and(|name| name.eq_ignore_ascii_case(id))
        };
        issuers.iter().find(is_wanted).ok_or_else(|| {
            if issuers.is_empty() {
                return Error::not_available_here(crate::NO_ISSUER);
            }
            let known: Vec<&str> = issuers.iter().map(|issuer| issuer.settings.id()).collect();
            Error::invalid_value("issuer", format_args!("must be one of {}", known.join(", ")))
        })
    }
}
