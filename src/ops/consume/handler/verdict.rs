//! What a process's exit code and an HTTP status say of the record: done, to be tried again, or never to be.
//!
//! The exit codes are those of BSD's `sysexits.h`. The user's own word, `--retry-on` and `--permanent-on`, is above
//! these tables, even for a status that is a success by them.

use crate::model::codes::Overrides;
use crate::model::dead_letter::FailureKind;

/// EX_USAGE: the handler was called in a way it does not know.
const USAGE: i32 = 64;
/// EX_DATAERR: the record is malformed.
const DATA_ERROR: i32 = 65;

/// What a process that exited with this code says; `None` is a success. EX_TEMPFAIL (75) and EX_UNAVAILABLE (69) are
/// transient, as is every code that says nothing about the record.
pub(super) fn of_exit(code: i32, overrides: &Overrides) -> Option<FailureKind> {
    if code == 0 {
        return None;
    }
    Some(overridden(code, overrides).unwrap_or(match code {
        USAGE | DATA_ERROR => FailureKind::Permanent,
        _ => FailureKind::Transient,
    }))
}

/// What an HTTP status says (RFC 9110, RFC 8470 for 425); `None` is a success. A redirect is not followed: where it leads
/// is for the user to say, and it stays the same with every attempt.
pub(super) fn of_status(status: u16, overrides: &Overrides) -> Option<FailureKind> {
    overridden(status.into(), overrides).or(match status {
        200..=299 => None,
        408 | 425 | 429 | 500.. => Some(FailureKind::Transient),
        _ => Some(FailureKind::Permanent),
    })
}

fn overridden(code: i32, overrides: &Overrides) -> Option<FailureKind> {
    let code = u16::try_from(code).ok()?;
    if overrides.is_transient(code) {
        Some(FailureKind::Transient)
    } else if overrides.is_permanent(code) {
        Some(FailureKind::Permanent)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSIENT: Option<FailureKind> = Some(FailureKind::Transient);
    const PERMANENT: Option<FailureKind> = Some(FailureKind::Permanent);

    fn overrides(transient: &str, permanent: &str) -> Overrides {
        Overrides::new(transient.parse().unwrap(), permanent.parse().unwrap()).unwrap()
    }

    #[test]
    fn exit_codes_are_judged_as_sysexits_has_them() {
        let cases = [
            (0, None),
            (1, TRANSIENT),
            (63, TRANSIENT),
            (64, PERMANENT),
            (65, PERMANENT),
            (66, TRANSIENT),
            (69, TRANSIENT),
            (75, TRANSIENT),
            (127, TRANSIENT),
            (255, TRANSIENT),
            (-1, TRANSIENT),
        ];
        for (code, verdict) in cases {
            assert_eq!(of_exit(code, &Overrides::default()), verdict, "{code}");
        }
        let mine = overrides("64-65", "1,75");
        for (code, verdict) in [
            (0, None),
            (1, PERMANENT),
            (64, TRANSIENT),
            (65, TRANSIENT),
            (69, TRANSIENT),
            (75, PERMANENT),
        ] {
            assert_eq!(of_exit(code, &mine), verdict, "{code}");
        }
    }

    #[test]
    fn statuses_are_judged_by_their_class() {
        let cases = [
            (100, PERMANENT),
            (199, PERMANENT),
            (200, None),
            (204, None),
            (299, None),
            (301, PERMANENT),
            (304, PERMANENT),
            (400, PERMANENT),
            (401, PERMANENT),
            (404, PERMANENT),
            (408, TRANSIENT),
            (409, PERMANENT),
            (422, PERMANENT),
            (425, TRANSIENT),
            (429, TRANSIENT),
            (500, TRANSIENT),
            (503, TRANSIENT),
            (599, TRANSIENT),
            (999, TRANSIENT),
        ];
        for (status, verdict) in cases {
            assert_eq!(
                of_status(status, &Overrides::default()),
                verdict,
                "{status}"
            );
        }
        let mine = overrides("202,4xx", "501-502");
        for (status, verdict) in [
            (200, None),
            (202, TRANSIENT),
            (404, TRANSIENT),
            (500, TRANSIENT),
            (501, PERMANENT),
            (502, PERMANENT),
        ] {
            assert_eq!(of_status(status, &mine), verdict, "{status}");
        }
    }
}
