//! Tables of `kubectl get` and `kubectl top`: which pods and nodes are in trouble.

use super::data::Data;
use super::here::Here;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows that are looked at, and told.
const MOST: usize = 20_000;
const TOLD: usize = 4;
/// Restarts from which on a pod that runs is told.
const RESTARTS: u64 = 5;
/// Thousandths of a CPU, and per cent of a node's, from which on they are told.
const MILLICORES: u64 = 500;
const NODE_SHARE: u64 = 80;

/// One of its tables, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let heading = here.words(here.at);
    let column = |name: &str| heading.iter().position(|word| *word == name);
    let name = column("NAME").filter(|at| *at <= 1)?;
    let is_pods = column("READY").is_some() && column("STATUS").is_some() && column("RESTARTS").is_some();
    let is_nodes = column("STATUS").is_some() && column("ROLES").is_some() && column("VERSION").is_some();
    let is_top = column("CPU(cores)").is_some() && column("MEMORY(bytes)").is_some();
    if !(is_pods || is_nodes || is_top) {
        return None;
    }
    let mut place = here.at + 1;
    let mut trouble: Vec<(u64, String)> = Vec::new();
    let mut all_whole = true;
    while place < document.len() && place - here.at <= MOST {
        let row = here.words(place);
        if row.len() < 3 || super::prompt::Prompt::of(document.line(place)).is_some() {
            break;
        }
        let cell = |column: Option<usize>| column.and_then(|at| row.get(at)).copied().unwrap_or_default();
        let named = printable(cell(Some(name)).chars().take(128).collect::<String>());
        let whole = !document.ends_within(place);
        all_whole &= whole;
        let found = match () {
            _ if !whole => None,
            () if is_pods => pod(&named, cell(column("READY")), cell(column("STATUS")), cell(column("RESTARTS"))),
            () if is_nodes => node(&named, cell(column("STATUS"))),
            () => busy(&named, cell(column("CPU(cores)")), cell(column("CPU%").or(column("CPU(%)")))),
        };
        trouble.extend(found);
        place += 1;
    }
    let rows = place - here.at - 1;
    let mut told = Told { tool: "kubectl", ..Told::default() };
    let what = if is_pods { "pods" } else { "nodes" };
    let others = trouble.len().saturating_sub(TOLD);
    trouble.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    told.stands_out.extend(trouble.into_iter().take(TOLD).map(|(_, sentence)| sentence));
    if others > 0 {
        told.stands_out.push(format!("kubectl: and {} more of the {what}", units::count(others as f64)));
    }
    if told.stands_out.is_empty() && all_whole && !is_top {
        told.stands_out.push(format!("kubectl: of {} {what} each is ready", units::count(rows as f64)));
    }
    (rows > 0).then(|| (place - here.at, Data::Told(told)))
}

/// A pod that does not run, is not ready or was often restarted.
fn pod(name: &str, ready: &str, status: &str, restarts: &str) -> Option<(u64, String)> {
    let restarts: u64 = restarts.parse().ok()?;
    let again = match restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        _ => format!(", restarted {} times", units::count(restarts as f64)),
    };
    let done = matches!(status, "Completed" | "Succeeded");
    let all = ready.split_once('/').is_some_and(|(ready, all)| ready == all);
    let sentence = match status {
        "Running" if all && restarts < RESTARTS => return None,
        "Running" if all => format!("kubectl: the pod {name} runs{again}"),
        "Running" => format!("kubectl: the pod {name} is not ready ({}){again}", printable(ready)),
        _ if done => return None,
        status => format!("kubectl: the pod {name} is {}{again}", printable(status)),
    };
    Some((restarts + if status == "Running" { 0 } else { 1_000_000 }, sentence))
}

fn node(name: &str, status: &str) -> Option<(u64, String)> {
    let ready = status.split(',').next() == Some("Ready");
    (!ready || status.contains("Pressure"))
        .then(|| (u64::from(!ready), format!("kubectl: the node {name} is {}", printable(status))))
}

/// What takes much CPU time: a pod as `1912m` or whole CPUs, a node by its share.
fn busy(name: &str, cores: &str, share: &str) -> Option<(u64, String)> {
    let share: Option<u64> = share.strip_suffix('%').and_then(|share| share.parse().ok());
    let millicores: u64 = match cores.strip_suffix('m') {
        Some(millicores) => millicores.parse().ok()?,
        None => cores.parse::<u64>().ok()?.checked_mul(1000)?,
    };
    match share {
        Some(share) => {
            (share >= NODE_SHARE).then(|| (share, format!("kubectl: the node {name} uses {share} % of its CPUs")))
        }
        None => (millicores >= MILLICORES)
            .then(|| (millicores, format!("kubectl: {name} takes {} CPUs", units::count(millicores as f64 / 1000.0)))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::stands_out;

    #[test]
    fn pods_and_nodes_in_trouble_are_told() {
        for (text, said) in [
            (
                "NAME   READY   STATUS   RESTARTS   AGE   IP   NODE\nweb-7f-2xk4l   1/1   Running   0   12d   10.244.3.12   node3\nweb-7f-8q9ss   0/1   CrashLoopBackOff   212 (31s ago)   12d   10.244.1.9   node1\nweb-7f-9kk2a   0/1   Running   1 (2d ago)   12d   10.244.1.7   node1\n",
                vec![
                    "kubectl: the pod web-7f-8q9ss is CrashLoopBackOff, restarted 212 times",
                    "kubectl: the pod web-7f-9kk2a is not ready (0/1), restarted once",
                ],
            ),
            (
                "NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE\nshop   web   1/1   Running   0   12d\nshop   job   0/1   Completed   0   2d\n",
                vec!["kubectl: of 2 pods each is ready"],
            ),
            (
                "NAME   STATUS   ROLES   AGE   VERSION\nnode1   Ready   control-plane   90d   v1.31.2\nnode2   NotReady,SchedulingDisabled   <none>   90d   v1.31.2\n",
                vec!["kubectl: the node node2 is NotReady,SchedulingDisabled"],
            ),
            (
                "NAME   CPU(cores)   CPU%   MEMORY(bytes)   MEMORY%\nnode1   3900m   97%   12Gi   80%\nnode2   120m   3%   1Gi   8%\n",
                vec!["kubectl: the node node1 uses 97 % of its CPUs"],
            ),
            (
                "NAME   CPU(cores)   MEMORY(bytes)\nweb-7f-2xk4l   1912m   412Mi\nweb-7f-8q9ss   2m   4Mi\n",
                vec!["kubectl: web-7f-2xk4l takes 1.91 CPUs"],
            ),
        ] {
            assert_eq!(stands_out(text), said, "{text}");
        }
    }
}
