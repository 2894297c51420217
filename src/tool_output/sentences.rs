//! The sentences of `netstat -s`, each with the kernel's name for the counter; the section says which group.

/// In English, behind the figure.
const ENGLISH: &[(&str, &str)] = &[
    ("total packets received", "Ip.InReceives"),
    ("incoming packets discarded", "Ip.InDiscards"),
    ("with invalid addresses", "Ip.InAddrErrors"),
    ("packets reassembles failed", "Ip.ReasmFails"),
    ("packet reassembles failed", "Ip.ReasmFails"),
    ("failed connection attempts", "Tcp.AttemptFails"),
    ("active connection openings", "Tcp.ActiveOpens"),
    ("active connections openings", "Tcp.ActiveOpens"),
    ("passive connection openings", "Tcp.PassiveOpens"),
    ("connection resets received", "Tcp.EstabResets"),
    ("connections established", "Tcp.CurrEstab"),
    ("segments received", "Tcp.InSegs"),
    ("segments send out", "Tcp.OutSegs"),
    ("segments sent out", "Tcp.OutSegs"),
    ("segments retransmited", "Tcp.RetransSegs"),
    ("segments retransmitted", "Tcp.RetransSegs"),
    ("bad segments received", "Tcp.InErrs"),
    ("resets sent", "Tcp.OutRsts"),
    ("packets received", "Udp.InDatagrams"),
    ("packets to unknown port received", "Udp.NoPorts"),
    ("packet receive errors", "Udp.InErrors"),
    ("packets sent", "Udp.OutDatagrams"),
    ("receive buffer errors", "Udp.RcvbufErrors"),
    ("send buffer errors", "Udp.SndbufErrors"),
    ("SYN cookies sent", "TcpExt.SyncookiesSent"),
    ("SYN cookies received", "TcpExt.SyncookiesRecv"),
    ("invalid SYN cookies received", "TcpExt.SyncookiesFailed"),
    ("resets received for embryonic SYN_RECV sockets", "TcpExt.EmbryonicRsts"),
    ("packets pruned from receive queue because of socket buffer overrun", "TcpExt.PruneCalled"),
    ("TCP sockets finished time wait in fast timer", "TcpExt.TW"),
    ("times the listen queue of a socket overflowed", "TcpExt.ListenOverflows"),
    ("SYNs to LISTEN sockets dropped", "TcpExt.ListenDrops"),
    ("SYNs to LISTEN sockets ignored", "TcpExt.ListenDrops"),
    ("packets collapsed in receive queue due to low socket buffer", "TcpExt.TCPRcvCollapsed"),
    ("connections reset due to unexpected data", "TcpExt.TCPAbortOnData"),
    ("connections reset due to early user close", "TcpExt.TCPAbortOnClose"),
    ("connections aborted due to timeout", "TcpExt.TCPAbortOnTimeout"),
    ("connections aborted due to memory pressure", "TcpExt.TCPAbortOnMemory"),
    ("fast retransmits", "TcpExt.TCPFastRetrans"),
    ("other TCP timeouts", "TcpExt.TCPTimeouts"),
    ("packets rejects in established connections because of timestamp", "TcpExt.PAWSEstab"),
    ("time wait sockets recycled by time stamp", "TcpExt.TWRecycled"),
];

/// In the other languages that net-tools speaks, with a sign for the figure. What stands for two counters of a group is left out:
/// Brazilian Portuguese has one sentence for SYN cookies that came, right or wrong.
const OTHERS: &[(&str, &str)] = &[
    // German
    ("# Verbindungen aktiv geöffnet", "Tcp.ActiveOpens"),
    ("# fehlerhafte Segmente empfangen", "Tcp.InErrs"),
    ("# Pakete für unbekannte Ports empfangen", "Udp.NoPorts"),
    ("# Segmente erneut geschickt", "Tcp.RetransSegs"),
    ("# Segmente abgeschickt", "Tcp.OutSegs"),
    // French
    ("# ouvertures de connexions actives", "Tcp.ActiveOpens"),
    ("# mauvais segments reçus", "Tcp.InErrs"),
    ("# paquets reçus pour un port inconnu", "Udp.NoPorts"),
    ("# segments retransmis", "Tcp.RetransSegs"),
    ("# segments envoyés", "Tcp.OutSegs"),
    // Japanese
    ("#のSYNクッキーを受信", "TcpExt.SyncookiesRecv"),
    ("#のSYNクッキーを送信", "TcpExt.SyncookiesSent"),
    ("#のソケットリスンSYNが無視", "TcpExt.ListenDrops"),
    ("#のTCPソケットがファーストタイマでの時間待ちを完了", "TcpExt.TW"),
    ("#の能動接続開始", "Tcp.ActiveOpens"),
    ("#の不正セグメント受信", "Tcp.InErrs"),
    ("#の接続リセット受信", "Tcp.EstabResets"),
    ("メモリの制約のために#の接続を中止", "TcpExt.TCPAbortOnMemory"),
    ("タイムアウトのために#の接続を中止", "TcpExt.TCPAbortOnTimeout"),
    ("#の接続確立", "Tcp.CurrEstab"),
    ("早期のユーザのクローズのために#の接続をリセット", "TcpExt.TCPAbortOnClose"),
    ("予期せぬデータのために#の接続をリセット", "TcpExt.TCPAbortOnData"),
    ("#の接続試行失敗", "Tcp.AttemptFails"),
    ("#の高速再送", "TcpExt.TCPFastRetrans"),
    ("#の受信パケットを破棄", "Ip.InDiscards"),
    ("#の不適当なSYNクッキーを受信", "TcpExt.SyncookiesFailed"),
    ("#のその他のTCPタイムアウト", "TcpExt.TCPTimeouts"),
    ("#パケットの再構築に失敗", "Ip.ReasmFails"),
    ("#のパケット受信エラー", "Udp.InErrors"),
    ("#のパケットを低ソケットバッファのために受信キューから除外", "TcpExt.TCPRcvCollapsed"),
    ("#のパケットをソケットバッファオーバランのため受信キューから除外", "TcpExt.PruneCalled"),
    ("#パケット受信", "Udp.InDatagrams"),
    ("#のパケットがタイムスタンプのために接続確立を拒否", "TcpExt.PAWSEstab"),
    ("#のパケットを送信", "Udp.OutDatagrams"),
    ("不明なポートからの#パケットの受信", "Udp.NoPorts"),
    ("#の受動接続開始", "Tcp.PassiveOpens"),
    ("#の未完成のSYN_RECVソケットに対するリセットを受信", "TcpExt.EmbryonicRsts"),
    ("#のリセット送信", "Tcp.OutRsts"),
    ("#セグメントの受信", "Tcp.InSegs"),
    ("#セグメントの再転送", "Tcp.RetransSegs"),
    ("#セグメントの送信", "Tcp.OutSegs"),
    ("#の時間待ちソケットがタイムスタンプで再利用", "TcpExt.TWRecycled"),
    ("ソケットのリスンキューが#回オーバフロー", "TcpExt.ListenOverflows"),
    ("合計#パケットを受信", "Ip.InReceives"),
    ("不適当なアドレスが#", "Ip.InAddrErrors"),
    // Brazilian Portuguese
    ("# pacotes enviados", "TcpExt.SyncookiesSent"),
    ("# segmentos ruins recebidos", "Tcp.InErrs"),
    ("# resets de conexão recebidas", "Tcp.EstabResets"),
    ("# conexões estabelecidas", "Tcp.CurrEstab"),
    ("# pacotes entrantes descartados", "Ip.InDiscards"),
    ("# erros de recepção de pacotes", "Udp.InErrors"),
    ("# pacotes retirados da fila de recepção devido a sobreposição de buffers de sockets", "TcpExt.PruneCalled"),
    ("# pacotes recebidos", "Udp.InDatagrams"),
    ("# pacotes enviados", "Udp.OutDatagrams"),
    ("# pacotes para portas desconhecidas recebidos", "Udp.NoPorts"),
    ("# opens passivos", "Tcp.PassiveOpens"),
    ("# resets recebidos para sockets embriônicos SYN_RECV", "TcpExt.EmbryonicRsts"),
    ("# resets enviados", "Tcp.OutRsts"),
    ("# segmentos recebidos", "Tcp.InSegs"),
    ("# segmentos retransmitidos", "Tcp.RetransSegs"),
    ("# segmentos enviados", "Tcp.OutSegs"),
    ("# total de pacotes recebidos", "Ip.InReceives"),
    ("# com endereços inválidos", "Ip.InAddrErrors"),
    // Czech
    ("Počet přijatých SYN cookies: #", "TcpExt.SyncookiesRecv"),
    ("Počet odeslaných SYN cookies: #", "TcpExt.SyncookiesSent"),
    ("Počet zahozených SYN packetů určených naslouchajícímu socketu: #", "TcpExt.ListenDrops"),
    ("Počet TCP socketů, které ukončily fázi time-wait uvnitř rychlého časovače: #", "TcpExt.TW"),
    ("Počet aktivně navázaných spojení: #", "Tcp.ActiveOpens"),
    ("Počet chybných příchozích segmentů: #", "Tcp.InErrs"),
    ("Počet přijatých resetů spojení: #", "Tcp.EstabResets"),
    ("Počet zrušených spojení kvůli paměťové tísni: #", "TcpExt.TCPAbortOnMemory"),
    ("Počet zrušených spojení kvůli vypršení časovače: #", "TcpExt.TCPAbortOnTimeout"),
    ("Počet navázaných spojení: #", "Tcp.CurrEstab"),
    ("Počet resetů spojení kvůli časnému uzavření uživatelem: #", "TcpExt.TCPAbortOnClose"),
    ("Počet resetů spojení kvůli neočekávaným datům: #", "TcpExt.TCPAbortOnData"),
    ("Počet neúspěšných pokusů o spojení: #", "Tcp.AttemptFails"),
    ("Počet rychlých opakování odeslání: #", "TcpExt.TCPFastRetrans"),
    ("Počet zahozených příchozích paketů: #", "Ip.InDiscards"),
    ("Počet chybných příchozích SYN cookies: #", "TcpExt.SyncookiesFailed"),
    ("Počet jiných vypršení časovače TCP: #", "TcpExt.TCPTimeouts"),
    ("Počet chyb při příjmu paketů: #", "Udp.InErrors"),
    ("Počet packetů sloučených v přijímací frontě kvůli malému bufferu socketu: #", "TcpExt.TCPRcvCollapsed"),
    ("Počet packetů odstraněných z přijímací fronty kvůli přetečení bufferu socketu: #", "TcpExt.PruneCalled"),
    ("Počet přijatých paketů: #", "Udp.InDatagrams"),
    ("Počet odeslaných paketů: #", "Udp.OutDatagrams"),
    ("Počet paketů přijatých pro neznámý port: #", "Udp.NoPorts"),
    ("Počet pasivně navázaných spojení: #", "Tcp.PassiveOpens"),
    ("Počet resetů přijatých pro sokety v zárodečném stavu SYN_RECV: #", "TcpExt.EmbryonicRsts"),
    ("Počet odeslaných resetů: #", "Tcp.OutRsts"),
    ("Počet přijatých segmentů: #", "Tcp.InSegs"),
    ("Počet přenesených segmentů: #", "Tcp.RetransSegs"),
    ("Počet odeslaných segmentů: #", "Tcp.OutSegs"),
    ("Počet socketů ve fázi time-wait, které byly znovu použity díky časovému razítku: #", "TcpExt.TWRecycled"),
    ("Počet přetečení naslouchací fronty socketu: #", "TcpExt.ListenOverflows"),
    ("Celkem přijatých paketů: #", "Ip.InReceives"),
    ("S nesprávnými adresami: #", "Ip.InAddrErrors"),
    // Estonian
    ("# SYN küpsist võeti vastu", "TcpExt.SyncookiesRecv"),
    ("# SYN küpsist saadeti", "TcpExt.SyncookiesSent"),
    ("# SYN'i kuulavatele soklitele ignoreeriti", "TcpExt.ListenDrops"),
    ("# TCP soklit lõpetasid TIME_WAIT oleku kiires taimeris", "TcpExt.TW"),
    ("# aktiivset ühenduse avamist", "Tcp.ActiveOpens"),
    ("# vigast segmenti võeti vastu", "Tcp.InErrs"),
    ("# ühenduse katkestust saabus", "Tcp.EstabResets"),
    ("# ühendust loodi", "Tcp.CurrEstab"),
    ("# ebaõnnestunud ühenduse loomise katset", "Tcp.AttemptFails"),
    ("# saabuvat paketti visati minema", "Ip.InDiscards"),
    ("# vigast SYN küpsist võeti vastu", "TcpExt.SyncookiesFailed"),
    ("# paketi vastuvõtu viga", "Udp.InErrors"),
    ("# paketti kustutati vastuvõtu järjekorrast sokli puhvri ületäitumise tõttu", "TcpExt.PruneCalled"),
    ("# paketti võeti vastu", "Udp.InDatagrams"),
    ("# paketti saadeti", "Udp.OutDatagrams"),
    ("# sisenevat paketti tundmatule pordile", "Udp.NoPorts"),
    ("# passiivset ühenduse avamist", "Tcp.PassiveOpens"),
    ("# RST paketti SYN_RECV olekus soklitele", "TcpExt.EmbryonicRsts"),
    ("# katkestust saadeti", "Tcp.OutRsts"),
    ("# segmenti võeti vastu", "Tcp.InSegs"),
    ("# segmenti saadeti uuesti", "Tcp.RetransSegs"),
    ("# segmenti saadeti", "Tcp.OutSegs"),
    ("# TIME_WAIT soklit läksid uuesti käiku ajatempli järgi", "TcpExt.TWRecycled"),
    ("# korral ületäitus sokli kuulamise järjekord", "TcpExt.ListenOverflows"),
    ("kokku võeti vastu # paketti", "Ip.InReceives"),
    ("# vigaste aadressidega", "Ip.InAddrErrors"),
];

/// The kernel's name for what a sentence of a group counts, and how much it is; none where the sentence is not known.
pub(super) fn counter(group: &str, line: &str) -> Option<(&'static str, u64)> {
    let group = group.trim_end_matches('6');
    let start = line.find(|c: char| c.is_ascii_digit())?;
    let digits = line.get(start..)?.find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |length| start + length);
    let figure = line.get(start..digits)?.parse().ok()?;
    let (before, behind) = (line.get(..start)?, line.get(digits..)?.trim_end_matches('.'));
    let of_group = |name: &str| name.split('.').next() == Some(group);
    if before.is_empty() {
        let words = behind.trim();
        if let Some((_, name)) = ENGLISH.iter().find(|(sentence, name)| *sentence == words && of_group(name)) {
            return Some((name, figure));
        }
    }
    let is = |sentence: &str| sentence.split_once('#').is_some_and(|(first, last)| first == before && last == behind);
    OTHERS.iter().find(|(sentence, name)| of_group(name) && is(sentence)).map(|(_, name)| (*name, figure))
}

/// Sentences that other tools write, too, or that mean another counter in another section.
const AMBIGUOUS: &[&str] = &["packets received", "packets sent", "with invalid addresses"];

/// The counter of a sentence that stands without its section: an English one that belongs to one section alone.
pub(super) fn alone(line: &str) -> Option<(&'static str, u64)> {
    let (figure, words) = line.split_once(' ')?;
    let figure = figure.parse().ok()?;
    let words = words.trim_end_matches('.').trim();
    let (_, name) = ENGLISH.iter().find(|(sentence, _)| *sentence == words && !AMBIGUOUS.contains(sentence))?;
    Some((name, figure))
}

/// A share in per cent with two digits that mean something: `0.00019`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p >= 1.0 => format!("{p:.1}"),
        p if p >= 0.01 => format!("{p:.2}"),
        p if p >= 0.0001 => format!("{p:.4}"),
        p => format!("{p:.6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_known_in_every_language_and_belong_to_their_group() {
        for (group, line, expected) in [
            ("Udp", "81233 packet receive errors", Some(("Udp.InErrors", 81_233))),
            ("Udp6", "12 packets to unknown port received.", Some(("Udp.NoPorts", 12))),
            ("Udp", "2211 Pakete für unbekannte Ports empfangen", Some(("Udp.NoPorts", 2211))),
            ("TcpExt", "ソケットのリスンキューが17回オーバフロー", Some(("TcpExt.ListenOverflows", 17))),
            ("TcpExt", "Počet odeslaných SYN cookies: 5", Some(("TcpExt.SyncookiesSent", 5))),
            ("TcpExt", "5 pacotes enviados", Some(("TcpExt.SyncookiesSent", 5))),
            ("TcpExt", "5 pacotes recebidos", None),
            ("Tcp", "81233 packet receive errors", None),
            ("Udp", "packet receive errors", None),
            ("Udp", "", None),
        ] {
            assert_eq!(counter(group, line), expected, "{line}");
        }
        for (line, expected) in [
            ("53291 times the listen queue of a socket overflowed", Some(("TcpExt.ListenOverflows", 53_291))),
            ("71 packets to unknown port received.", Some(("Udp.NoPorts", 71))),
            ("4 packets received", None),
            ("the listen queue of a socket overflowed", None),
        ] {
            assert_eq!(alone(line), expected, "{line}");
        }
    }
}
