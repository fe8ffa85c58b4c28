//! What a limit says about a request, and the headers that tell it (draft-ietf-httpapi-ratelimit-headers-10):
//! `RateLimit-Policy` with every answer, `RateLimit` (what remains) only when there were too many, and to whom the limit is
//! alone: to neighbours behind one address it would tell that somebody else is here.

use std::{fmt::Write, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use super::Problem;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// What a limit says about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The limit's name: letters, digits and hyphens.
    pub name: &'static str,
    /// How much may come at once.
    pub quota: u32,
    /// Seconds after which all of it is there again.
    pub window_seconds: u32,
    /// What remains, or how long to wait.
    pub left: Result<u32, Duration>,
    /// Whether the caller has the limit alone, and may know what remains.
    pub own: bool,
}

impl Allowance {
    /// A limit is told once, however often it is asked.
    fn tell_policy(&self, list: &mut String) {
        let before = list.len();
        // Writing to a String can't fail.
        let _ = write!(list, "{}\"{}\";q={};w={}", comma(list), self.name, self.quota, self.window_seconds);
        let (told, policy) = list.split_at(before);
        if told.split(", ").any(|other| other == policy.trim_start_matches(", ")) {
            list.truncate(before);
        }
    }

    fn tell_left(&self, list: &mut String) {
        let (left, seconds) = match self.left {
            Ok(_) if !self.own => return,
            Ok(left) => (left, self.refilled_in(left)),
            Err(wait) => (0, wait.as_secs().saturating_add(1)),
        };
        let _ = write!(list, "{}\"{}\";r={left};t={seconds}", comma(list), self.name);
    }

    /// Seconds until all of it is there again.
    fn refilled_in(&self, left: u32) -> u64 {
        let gone = u64::from(self.quota.saturating_sub(left));
        (gone * u64::from(self.window_seconds)).div_ceil(u64::from(self.quota.max(1)))
    }
}

/// What stands between the items of a list.
fn comma(list: &str) -> &'static str {
    if list.is_empty() { "" } else { ", " }
}

/// What [`super::headers::secure`] puts into the answer.
#[derive(Default)]
struct Told {
    policies: String,
    left: String,
}

/// Has the answer tell of limits that this request doesn't count against, or not yet: it may be refused before.
pub fn announce(request: &HttpRequest, allowances: impl IntoIterator<Item = Allowance>) {
    let mut extensions = request.extensions_mut();
    let mut told: Told = extensions.remove().unwrap_or_default();
    allowances.into_iter().for_each(|allowance| allowance.tell_policy(&mut told.policies));
    extensions.insert(told);
}

/// Lets a request pass if every limit does. Its answer tells of them, whichever it is.
///
/// # Errors
/// [`super::Code::TooManyRequests`], with how long to wait.
pub fn allow(request: &HttpRequest, allowances: impl IntoIterator<Item = Allowance>) -> Result<(), Problem> {
    let mut extensions = request.extensions_mut();
    let mut told: Told = extensions.remove().unwrap_or_default();
    let mut longest: Option<Duration> = None;
    for allowance in allowances {
        allowance.tell_policy(&mut told.policies);
        allowance.tell_left(&mut told.left);
        longest = longest.max(allowance.left.err());
    }
    extensions.insert(told);
    longest.map_or(Ok(()), |wait| Err(Problem::retry_after(wait)))
}

/// Moves what was told of limits into the headers of the answer.
pub(super) fn put(request: &HttpRequest, headers: &mut HeaderMap) {
    let Some(told) = request.extensions_mut().remove::<Told>() else { return };
    for (name, list) in [(POLICY, told.policies), (LEFT, told.left)] {
        if let (false, Ok(value)) = (list.is_empty(), HeaderValue::try_from(list)) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Allowance = Allowance { name: "pledges", quota: 60, window_seconds: 30, left: Ok(15), own: false };

    #[test]
    fn what_remains_is_told_to_those_who_are_alone_and_to_those_who_wait() {
        let told = |allowance: Allowance| {
            let [mut policies, mut left] = [String::new(), String::new()];
            allowance.tell_policy(&mut policies);
            allowance.tell_left(&mut left);
            [policies, left]
        };
        assert_eq!(told(HALF), ["\"pledges\";q=60;w=30", ""]);
        assert_eq!(told(Allowance { own: true, ..HALF })[1], "\"pledges\";r=15;t=23");
        assert_eq!(told(Allowance { left: Err(Duration::from_millis(400)), ..HALF })[1], "\"pledges\";r=0;t=1");
    }

    #[test]
    fn the_strictest_limit_decides() {
        let request = actix_web::test::TestRequest::default().to_http_request();
        let wait = |seconds| Allowance { name: "campaign", left: Err(Duration::from_secs(seconds)), ..HALF };
        announce(&request, [HALF]);
        assert_eq!(allow(&request, [HALF]), Ok(()));
        let refused = allow(&request, [wait(3), HALF, wait(8)]);
        assert_eq!(refused, Err(Problem::retry_after(Duration::from_secs(8))));
        let mut headers = HeaderMap::new();
        put(&request, &mut headers);
        let policy = headers.get(POLICY).unwrap().to_str().unwrap();
        assert_eq!(policy, "\"pledges\";q=60;w=30, \"campaign\";q=60;w=30", "each is told once");
        assert_eq!(headers.get(LEFT).unwrap(), "\"campaign\";r=0;t=4, \"campaign\";r=0;t=9");
    }
}
