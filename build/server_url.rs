//! The URLs of servers.

use std::net::Ipv4Addr;

/// Returns the URL as requests use it: with a lower-case host, and without the standard port and slashes at the end. Returns
/// `None` if a path cannot be appended to it, or if it is not an absolute URL with `https`.
pub(crate) fn normalized(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_valid = scheme.eq_ignore_ascii_case("https")
        && is_host(host)
        && port.bytes().all(|digit| digit.is_ascii_digit())
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#<>?\\^`{|}".contains(&byte));
    let port = match port.parse::<u16>().ok().filter(|_| is_valid)? {
        443 => String::new(),
        port => format!(":{port}"),
    };
    Some(format!("https://{}{port}{}", host.to_ascii_lowercase(), path.trim_end_matches('/')))
}

/// Returns `true` for a name in ASCII, and for an IPv4 address.
fn is_host(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && last.starts_with(|letter: char| letter.is_ascii_alphabetic());
    is_name || host.parse::<Ipv4Addr>().is_ok()
}
