//! Events as sentences.

use std::fmt;

use super::event::{
    Deletion, End, Event, Form, Lie, OwnerFilter, PolicyChange, Replica, Repo, Slot, Traits,
    seconds,
};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { .. }
            | Self::Ready { .. }
            | Self::Delete { .. }
            | Self::Replace { .. }
            | Self::Restart { .. }
            | Self::Readdress { .. }
            | Self::StealIp { .. }
            | Self::Forget { .. }
            | Self::Clone { .. }
            | Self::Finish { .. }
            | Self::Offline { .. } => pod(self, f),
            Self::OwnerFilters { .. }
            | Self::OwnerUnfilters { .. }
            | Self::OwnerPeers { .. }
            | Self::OwnerUnpeers { .. }
            | Self::OwnerDisconnects { .. } => owner(self, f),
            Self::Kill { .. }
            | Self::LoseLease { .. }
            | Self::Split { .. }
            | Self::PodLag { .. }
            | Self::RecordLag { .. }
            | Self::Freeze { .. }
            | Self::Thaw { .. }
            | Self::ShortLists { .. }
            | Self::StoreFails { .. }
            | Self::RecordDeleted { .. }
            | Self::StoreRestored { .. } => controller(self, f),
            Self::Policy(change) => write!(f, "the policy changes: {change}"),
            Self::Network(event) => event.fmt(f),
            Self::Agents(event) => event.fmt(f),
            Self::Quiet => f.write_str("every fault ends, and all has to become well"),
            _ => node(self, f),
        }
    }
}

fn pod(event: &Event, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        Event::Create {
            slot,
            traits,
            ready,
        } => {
            write!(
                f,
                "{slot} is created ({traits}), Ready after {}",
                seconds(*ready)
            )
        }
        Event::Ready { slot, ready: true } => write!(f, "{slot} is Ready"),
        Event::Ready { slot, ready: false } => write!(f, "{slot} is no longer Ready"),
        Event::Delete { slot, how } => match how {
            Deletion::Graceful => write!(f, "{slot} is deleted"),
            Deletion::Forced => write!(f, "{slot} is deleted at once, its process ends later"),
            Deletion::HostLost => write!(f, "the host of {slot} is lost, its object stays"),
        },
        Event::Replace { slot, repo, gap } => {
            write!(f, "{slot} is replaced after {} with {repo}", seconds(*gap))
        }
        Event::Restart {
            slot,
            end,
            repo,
            told,
        } => {
            let how = match end {
                End::Loud => "",
                End::Silent => " without closing its connections",
            };
            let told = seconds(*told);
            write!(
                f,
                "{slot} restarts{how} with {repo}; its status says so after {told}"
            )
        }
        Event::Readdress { slot, told } => {
            write!(
                f,
                "{slot} gets another IP; its status says so after {}",
                seconds(*told)
            )
        }
        Event::StealIp { from, by, ready } => {
            let stays = if *ready {
                "stays Ready"
            } else {
                "stays, not Ready"
            };
            write!(
                f,
                "{from} vanishes, its object {stays}, and its IP goes to the new pod {by}"
            )
        }
        Event::Forget { slot } => write!(f, "the object of {slot} goes if it has no process"),
        Event::Clone { slot, of } => write!(f, "{slot} is created with a copy of {of}'s repo"),
        Event::Finish { slot } => write!(f, "{slot} ends as Failed, its object stays"),
        Event::Offline {
            slot,
            offline: true,
        } => write!(f, "{slot} restarts offline"),
        Event::Offline { slot, .. } => write!(f, "{slot} restarts online"),
        _ => Ok(()),
    }
}

fn node(event: &Event, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        Event::CutPair { slot, of } => write!(f, "{slot} and {of} do not reach each other"),
        Event::CutNode { slot } => write!(f, "{slot} reaches no other node"),
        Event::Mend => f.write_str("every partition between nodes is mended"),
        Event::Hang { slot } => write!(f, "the API of {slot} hangs"),
        Event::Slow { slot, latency } => {
            write!(
                f,
                "the API of {slot} needs {} for a call",
                seconds(*latency)
            )
        }
        Event::Prompt { slot } => write!(f, "the API of {slot} is prompt"),
        Event::LoseAnswers { slot, count } => {
            write!(f, "the next {count} answers of {slot} get lost")
        }
        Event::Unheard {
            replica,
            slot,
            one_way: false,
        } => {
            write!(f, "{replica} and {slot} do not reach each other")
        }
        Event::Unheard { replica, slot, .. } => {
            write!(f, "what {slot} answers does not reach {replica}")
        }
        Event::Heard => f.write_str("every controller reaches every node"),
        Event::Lie { slot, lie } => match lie {
            Lie::ClaimsLinks => write!(f, "{slot} lies: it lists everybody as connected"),
            Lie::DeniesLinks => write!(f, "{slot} lies: it lists nobody as connected"),
            Lie::DeniesEntries => write!(f, "{slot} lies: it shows no peering entry"),
        },
        Event::Honest { slot } => write!(f, "{slot} tells the truth"),
        Event::Dial { slot, of } => write!(f, "{slot} dials {of} by its own wish"),
        Event::Circuit { slot, of } => {
            write!(
                f,
                "a circuit from {slot} to {of} comes up if they are not connected"
            )
        }
        _ => Ok(()),
    }
}

fn owner(event: &Event, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        Event::OwnerFilters { slot, filter } => match filter {
            OwnerFilter::Network => write!(f, "the owner of {slot} filters the pod network"),
            OwnerFilter::Pod(of) => write!(f, "the owner of {slot} filters the address of {of}"),
            OwnerFilter::Elsewhere => write!(f, "the owner of {slot} filters a foreign range"),
        },
        Event::OwnerUnfilters { slot } => write!(f, "the owner of {slot} takes its filters away"),
        Event::OwnerPeers {
            slot,
            of,
            form,
            config,
        } => {
            let whom = of.map_or_else(|| "a stranger".to_owned(), |of| of.to_string());
            let form = match form {
                Form::TwoAddresses => "two addresses",
                Form::OtherAddress => "an address of its own",
                Form::NoAddress => "no address",
            };
            let place = if *config { ", in its config too" } else { "" };
            write!(
                f,
                "the owner of {slot} adds a peering entry for {whom} with {form}{place}"
            )
        }
        Event::OwnerUnpeers { slot, of } => {
            write!(f, "the owner of {slot} removes its peering entry for {of}")
        }
        Event::OwnerDisconnects { slot, of } => {
            write!(f, "the owner of {slot} disconnects it from {of}")
        }
        _ => Ok(()),
    }
}

fn controller(event: &Event, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        Event::Kill {
            replica,
            steps,
            arrives,
            down,
        } => {
            let sent = if *arrives { "arrives" } else { "is lost" };
            let down = seconds(*down);
            write!(
                f,
                "{replica} is killed after {steps} more steps; what it had sent {sent}; it is \
                 back after {down}"
            )
        }
        Event::LoseLease { steps, gap } => write!(
            f,
            "the holder loses the lease after {steps} more steps; the other has it after {}",
            seconds(*gap)
        ),
        Event::Split { span } => write!(f, "both hold the lease for {}", seconds(*span)),
        Event::PodLag { replica, lag } => {
            write!(f, "{replica} hears of pods after {}", seconds(*lag))
        }
        Event::RecordLag { replica, lag } => {
            write!(f, "{replica} hears of records after {}", seconds(*lag))
        }
        Event::Freeze { replica } => write!(f, "{replica} hears nothing more of pods"),
        Event::Thaw { replica } => write!(f, "{replica} lists the pods anew"),
        Event::ShortLists {
            replica,
            percent,
            span,
        } => {
            let span = seconds(*span);
            write!(
                f,
                "{replica} lists the pods and is shown {percent} % of them for {span}"
            )
        }
        Event::StoreFails { count, done: false } => {
            write!(f, "the next {count} writes of records are refused")
        }
        Event::StoreFails { count, .. } => {
            write!(
                f,
                "the answers to the next {count} writes of records get lost"
            )
        }
        Event::RecordDeleted { slot } => write!(f, "somebody deletes the record of {slot}"),
        Event::StoreRestored { age } => {
            write!(
                f,
                "the records are restored as they were {} ago",
                seconds(*age)
            )
        }
        _ => Ok(()),
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kubo-{:03}", self.0)
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "controller A",
            Self::B => "controller B",
        })
    }
}

impl fmt::Display for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zone {}", self.zone)?;
        if let Some((low, high)) = self.water {
            write!(f, ", water marks {low}/{high}")?;
        }
        if self.rewritten {
            f.write_str(", source address rewritten")?;
        }
        if self.server {
            f.write_str(", server profile")?;
        }
        self.wiring.fmt(f)
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "the same identity",
            Self::Lost => "another identity",
        })
    }
}

impl fmt::Display for PolicyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode) => write!(f, "mode is {mode:?}"),
            Self::Protect(protect) => write!(f, "links.protect is {protect}"),
            Self::FullMeshUpTo(most) => write!(f, "topology.fullMeshUpTo is {most}"),
            Self::Degree(0) => f.write_str("topology.degree is Auto"),
            Self::Degree(degree) => write!(f, "topology.degree is {degree}"),
            Self::Filters(filters) => write!(f, "filters is {filters:?}"),
            Self::ForgetAfter(span) => write!(f, "links.forgetAfter is {}", seconds(*span)),
            Self::Network(change) => change.fmt(f),
        }
    }
}
