//! What the names mean that drivers give to their statistics (`ethtool -S`): a table by driver, for those that tell of loss and
//! those that only look so. The sources are the drivers' own tables of names in the kernel's tree, noted beside each.

use std::borrow::Cow;

use super::meaning::{Meaning, Row, Way};

const fn row(name: &'static str, way: Way, meaning: Meaning, unit: &'static str, says: &'static str) -> Row {
    Row { name, way, meaning, unit, says }
}

/// Packets that were lost at a full receive ring.
const fn ring(name: &'static str) -> Row {
    row(name, Way::In, Meaning::RingFull, "packet", "lost at a full receive ring: the host empties it too slowly")
}

/// How often a receive ring was empty of buffers.
const fn ring_times(name: &'static str) -> Row {
    row(name, Way::In, Meaning::RingFull, "time", "a receive ring had no buffer left: the host refills it too slowly")
}

const fn card(name: &'static str) -> Row {
    row(
        name,
        Way::In,
        Meaning::CardFull,
        "packet",
        "lost in the card, whose memory was full: nobody fetched them in time",
    )
}

const fn memory(name: &'static str) -> Row {
    row(name, Way::In, Meaning::NoMemory, "time", "the host had no memory for a packet that came")
}

const fn damaged(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Damaged, "frame", "came damaged: cable, transceiver, or the port at the other end")
}

const fn checksum(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Checksum, "packet", "had a wrong checksum")
}

const fn dropped(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Dropped, "packet", "dropped by the driver: no memory for them, or malformed")
}

const fn dropped_out(name: &'static str) -> Row {
    row(name, Way::Out, Meaning::Dropped, "packet", "that were to be sent dropped by the driver or the device")
}

const fn xdp(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Xdp, "packet", "dropped by an XDP program")
}

const fn xdp_out(name: &'static str) -> Row {
    row(name, Way::Out, Meaning::Xdp, "packet", "that an XDP program sent lost on the way out")
}

const fn stopped(name: &'static str) -> Row {
    row(name, Way::Out, Meaning::RingFull, "time", "a transmit ring was full, and what was to be sent waited")
}

const fn waits(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Paused, "pause frame", "came: the other end of the link asked this host to wait")
}

const fn asks_to_wait(name: &'static str) -> Row {
    row(name, Way::Out, Meaning::Paused, "pause frame", "sent: this card asked the other end of the link to wait")
}

const fn unwanted(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Unwanted, "packet", "not for this host, or taken by nobody")
}

const fn fault(name: &'static str) -> Row {
    row(name, Way::In, Meaning::Fault, "fault", "of the device or its driver")
}

const fn fault_out(name: &'static str) -> Row {
    row(name, Way::Out, Meaning::Fault, "fault", "of the device or its driver on sending")
}

const fn harmless(name: &'static str) -> Row {
    row(name, Way::Both, Meaning::Harmless, "", "")
}

const fn allowance(name: &'static str, way: Way, says: &'static str) -> Row {
    row(name, way, Meaning::Allowance, "packet", says)
}

/// A driver, by the name that it gives itself (`ethtool -i`).
struct Driver {
    names: &'static [&'static str],
    /// A statistic that no other driver has: by it the driver is known where it is not named.
    known_by: &'static [&'static str],
    rows: &'static [Row],
}

/// The drivers whose names are known.
const DRIVERS: &[Driver] = &[
    // kernel: drivers/net/ethernet/amazon/ena/ena_ethtool.c
    Driver {
        names: &["ena"],
        known_by: &["bw_in_allowance_exceeded", "queue_#_tx_doorbells", "ena_admin_q_submitted_cmd"],
        rows: &[
            allowance("bw_in_allowance_exceeded", Way::In, "over the instance's allowance of incoming bandwidth"),
            allowance("bw_out_allowance_exceeded", Way::Out, "over the instance's allowance of outgoing bandwidth"),
            allowance("pps_allowance_exceeded", Way::Both, "over the instance's allowance of packets per second"),
            allowance(
                "conntrack_allowance_exceeded",
                Way::Both,
                "over the instance's allowance of tracked connections",
            ),
            allowance(
                "linklocal_allowance_exceeded",
                Way::Out,
                "over the allowance for the provider's local services (DNS, metadata, time)",
            ),
            ring_times("queue_#_rx_empty_rx_ring"),
            ring("rx_overruns"),
            card("rx_drops"),
            memory("queue_#_rx_page_alloc_fail"),
            memory("queue_#_rx_skb_alloc_fail"),
            memory("queue_#_rx_refil_partial"),
            fault("queue_#_rx_dma_mapping_err"),
            fault("queue_#_rx_bad_desc_num"),
            fault("queue_#_rx_bad_req_id"),
            checksum("queue_#_rx_bad_csum"),
            checksum("queue_#_rx_csum_bad"),
            xdp("queue_#_rx_xdp_drop"),
            xdp("queue_#_rx_xdp_aborted"),
            xdp("queue_#_rx_xdp_invalid"),
            stopped("queue_#_tx_queue_stop"),
            dropped_out("tx_drops"),
            fault_out("queue_#_tx_missed_tx"),
            fault_out("queue_#_tx_dma_mapping_err"),
            fault_out("queue_#_tx_linearize_failed"),
            fault_out("queue_#_tx_prepare_ctx_err"),
            fault_out("queue_#_tx_bad_req_id"),
            fault_out("tx_timeout"),
            fault("wd_expired"),
            harmless("queue_#_rx_lpc_full"),
        ],
    },
    // kernel: drivers/net/ethernet/google/gve/gve_ethtool.c
    Driver {
        names: &["gve", "gvnic"],
        known_by: &["rx_posted_desc[#]", "rx_queue_drop_cnt[#]", "stats_report_trigger_cnt"],
        rows: &[
            ring("rx_queue_drop_cnt[#]"),
            ring_times("rx_no_buffers_posted[#]"),
            row("rx_drops_packet_over_mru[#]", Way::In, Meaning::Damaged, "packet", "longer than the device takes"),
            checksum("rx_drops_invalid_checksum[#]"),
            memory("rx_skb_alloc_fail"),
            memory("rx_buf_alloc_fail"),
            memory("page_alloc_fail"),
            fault("rx_desc_err_dropped_pkt"),
            dropped("rx_dropped_pkt[#]"),
            xdp("rx_xdp_drop[#]"),
            xdp("rx_xdp_aborted[#]"),
            xdp("rx_xdp_redirect_errors[#]"),
            xdp_out("rx_xdp_tx_errors[#]"),
            xdp_out("tx_xdp_xmit_errors[#]"),
            stopped("tx_stop[#]"),
            fault_out("tx_timeouts"),
            fault_out("tx_dma_mapping_error[#]"),
            fault("dma_mapping_error"),
            fault("adminq_cmd_fail"),
            fault("adminq_timeouts"),
        ],
    },
    // kernel: drivers/net/ethernet/mellanox/mlx5/core/en_stats.c, Documentation/networking/device_drivers/ethernet/mellanox/mlx5
    Driver {
        names: &["mlx5_core", "mlx5e_rep"],
        known_by: &["rx_vport_unicast_packets", "rx_packets_phy", "rx_out_of_buffer"],
        rows: &[
            ring("rx_out_of_buffer"),
            card("rx_discards_phy"),
            card("rx_prio#_discards"),
            card("rx_prio#_buf_discard"),
            row(
                "outbound_pci_buffer_overflow",
                Way::In,
                Meaning::CardFull,
                "packet",
                "lost in the card, since the bus to the host was too slow",
            ),
            memory("rx_buff_alloc_err"),
            memory("rx#_buff_alloc_err"),
            fault("rx_wqe_err"),
            fault("rx#_wqe_err"),
            damaged("rx_crc_errors_phy"),
            damaged("rx_in_range_len_errors_phy"),
            damaged("rx_out_of_range_len_phy"),
            damaged("rx_oversize_pkts_phy"),
            damaged("rx_undersize_pkts_phy"),
            damaged("rx_fragments_phy"),
            damaged("rx_jabbers_phy"),
            damaged("rx_symbol_err_phy"),
            damaged("rx_pcs_symbol_err_phy"),
            row("link_down_events_phy", Way::Both, Meaning::Damaged, "time", "the link went down"),
            xdp("rx_xdp_drop"),
            xdp("rx#_xdp_drop"),
            xdp_out("rx_xdp_tx_err"),
            xdp_out("rx#_xdp_tx_err"),
            xdp_out("rx_xdp_tx_full"),
            xdp_out("rx#_xdp_tx_full"),
            unwanted("rx_steer_missed_packets"),
            unwanted("rx_if_down_packets"),
            waits("rx_pause_ctrl_phy"),
            waits("rx_global_pause"),
            waits("rx_prio#_pause"),
            asks_to_wait("tx_pause_ctrl_phy"),
            asks_to_wait("tx_global_pause"),
            asks_to_wait("tx_prio#_pause"),
            harmless("rx_global_pause_duration"),
            harmless("tx_global_pause_duration"),
            harmless("rx_cache_full"),
            harmless("rx#_cache_full"),
            harmless("rx_buffer_passed_thres_phy"),
            dropped_out("tx_queue_dropped"),
            dropped_out("tx#_dropped"),
            dropped_out("tx_discards_phy"),
            dropped_out("tx_errors_phy"),
            stopped("tx_queue_stopped"),
            stopped("tx#_stopped"),
            fault_out("tx_cqe_err"),
            fault_out("tx#_cqe_err"),
        ],
    },
    // kernel: drivers/net/ethernet/intel/i40e/i40e_ethtool.c, drivers/net/ethernet/intel/iavf/iavf_ethtool.c
    Driver {
        names: &["i40e", "iavf", "i40evf"],
        known_by: &["port.rx_bytes", "port.rx_dropped", "veb.rx_bytes"],
        rows: &[
            // Until Linux 6.7 what rings had no buffer for is in rx_dropped, then in rx_missed_errors.
            ring("rx_dropped"),
            ring("rx_missed_errors"),
            ring("port.rx_dropped"),
            ring("rx_discards"),
            memory("rx_alloc_fail"),
            memory("rx_pg_alloc_fail"),
            damaged("port.rx_crc_errors"),
            damaged("port.rx_length_errors"),
            damaged("port.rx_undersize"),
            damaged("port.rx_fragments"),
            damaged("port.rx_oversize"),
            damaged("port.rx_jabber"),
            damaged("port.illegal_bytes"),
            row("port.mac_local_faults", Way::Both, Meaning::Damaged, "time", "this end of the link had no signal"),
            row(
                "port.mac_remote_faults",
                Way::Both,
                Meaning::Damaged,
                "time",
                "the other end of the link had no signal",
            ),
            checksum("port.rx_csum_bad"),
            waits("port.link_xoff_rx"),
            waits("port.rx_priority_#_xoff"),
            waits("port.rx_priority_#_xoff_rx"),
            asks_to_wait("port.link_xoff_tx"),
            asks_to_wait("port.tx_priority_#_xoff"),
            asks_to_wait("port.tx_priority_#_xoff_tx"),
            unwanted("rx_unknown_protocol"),
            unwanted("veb.rx_discards"),
            unwanted("veb.rx_unknown_protocol"),
            dropped_out("veb.tx_discards"),
            dropped_out("tx_discards"),
            dropped_out("port.tx_dropped_link_down"),
            fault_out("port.tx_errors"),
            fault_out("port.tx_timeout"),
            fault("port.arq_overflows"),
            stopped("tx_busy"),
        ],
    },
    // kernel: drivers/net/ethernet/intel/ice/ice_ethtool.c
    Driver {
        names: &["ice"],
        known_by: &["rx_bytes.nic", "rx_dropped.nic"],
        rows: &[
            ring("rx_dropped.nic"),
            ring("rx_dropped"),
            memory("rx_alloc_fail"),
            memory("rx_pg_alloc_fail"),
            damaged("rx_crc_errors.nic"),
            damaged("rx_length_errors.nic"),
            damaged("rx_undersize.nic"),
            damaged("rx_fragments.nic"),
            damaged("rx_oversize.nic"),
            damaged("rx_jabber.nic"),
            damaged("illegal_bytes.nic"),
            row("mac_local_faults.nic", Way::Both, Meaning::Damaged, "time", "this end of the link had no signal"),
            row(
                "mac_remote_faults.nic",
                Way::Both,
                Meaning::Damaged,
                "time",
                "the other end of the link had no signal",
            ),
            checksum("rx_csum_bad.nic"),
            waits("link_xoff_rx.nic"),
            waits("rx_priority_#_xoff.nic"),
            asks_to_wait("link_xoff_tx.nic"),
            asks_to_wait("tx_priority_#_xoff.nic"),
            unwanted("rx_unknown_protocol"),
            dropped_out("tx_dropped_link_down.nic"),
            fault_out("tx_errors.nic"),
            fault_out("tx_timeout.nic"),
            stopped("tx_busy"),
        ],
    },
    // kernel: drivers/net/ethernet/intel/ixgbe/ixgbe_ethtool.c, drivers/net/ethernet/intel/ixgbevf/ethtool.c
    Driver {
        names: &["ixgbe", "ixgbevf"],
        known_by: &["rx_pkts_nic", "rx_no_dma_resources", "fdir_match"],
        rows: &[
            card("rx_missed_errors"),
            ring("rx_no_dma_resources"),
            ring_times("rx_no_buffer_count"),
            memory("alloc_rx_page_failed"),
            memory("alloc_rx_buff_failed"),
            damaged("rx_long_length_errors"),
            damaged("rx_short_length_errors"),
            checksum("rx_csum_offload_errors"),
            checksum("hw_csum_rx_error"),
            waits("rx_flow_control_xoff"),
            asks_to_wait("tx_flow_control_xoff"),
            harmless("fdir_miss"),
            harmless("fdir_overflow"),
            harmless("alloc_rx_page"),
            stopped("tx_busy"),
            stopped("tx_restart_queue"),
            fault_out("tx_timeout_count"),
        ],
    },
    // kernel: drivers/net/ethernet/intel/igb/igb_ethtool.c, .../igc/igc_ethtool.c, .../e1000e/ethtool.c, .../e1000/e1000_ethtool.c
    Driver {
        names: &["igb", "igc", "igbvf", "e1000e", "e1000"],
        known_by: &["tx_queue_#_restart", "dropped_smbus", "rx_long_byte_count"],
        rows: &[
            ring("rx_queue_#_drops"),
            card("rx_missed_errors"),
            ring_times("rx_no_buffer_count"),
            memory("rx_queue_#_alloc_failed"),
            memory("alloc_rx_buff_failed"),
            damaged("rx_long_length_errors"),
            damaged("rx_short_length_errors"),
            damaged("rx_align_errors"),
            checksum("rx_queue_#_csum_err"),
            checksum("rx_csum_offload_errors"),
            waits("rx_flow_control_xoff"),
            asks_to_wait("tx_flow_control_xoff"),
            unwanted("dropped_smbus"),
            stopped("tx_queue_#_restart"),
            stopped("tx_restart_queue"),
            fault("rx_dma_failed"),
            fault_out("tx_dma_failed"),
            fault_out("tx_timeout_count"),
        ],
    },
    // kernel: drivers/net/ethernet/broadcom/bnxt/bnxt_ethtool.c
    Driver {
        names: &["bnxt_en"],
        known_by: &["rx_total_ring_discards", "rx_total_discard_pkts", "rx_good_vlan_frames"],
        rows: &[
            ring("[#]: rx_discards"),
            ring("[#]: rx_drops"),
            ring("rx_total_ring_discards"),
            ring("rx_total_discard_pkts"),
            memory("rx_total_oom_discards"),
            row(
                "rx_total_netpoll_discards",
                Way::In,
                Meaning::Unwanted,
                "packet",
                "thrown away while the kernel's console had the card",
            ),
            card("rx_stat_discard"),
            card("rx_discard_packets_cos#"),
            harmless("rx_discard_bytes_cos#"),
            harmless("rx_buffer_passed_threshold"),
            fault("[#]: rx_buf_errors"),
            fault("rx_total_buf_errors"),
            fault("[#]: rx_resets"),
            fault("rx_total_resets"),
            fault("[#]: missed_irqs"),
            fault("total_missed_irqs"),
            damaged("[#]: rx_errors"),
            damaged("rx_stat_err"),
            damaged("rx_fcs_err_frames"),
            damaged("rx_align_err_frames"),
            damaged("rx_code_err_frames"),
            damaged("rx_mtu_err_frames"),
            damaged("rx_ovrsz_frames"),
            damaged("rx_jbr_frames"),
            damaged("rx_undrsz_frames"),
            damaged("rx_runt_frames"),
            damaged("rx_pcs_symbol_err"),
            checksum("[#]: rx_l#_csum_errors"),
            checksum("rx_total_l#_csum_errors"),
            waits("rx_pause_frames"),
            waits("rx_pfc_frames"),
            waits("rx_pfc_ena_frames_pri#"),
            asks_to_wait("tx_pause_frames"),
            asks_to_wait("tx_pfc_frames"),
            asks_to_wait("tx_pfc_ena_frames_pri#"),
            dropped_out("[#]: tx_discards"),
            dropped_out("[#]: tx_drops"),
            dropped_out("tx_total_ring_discards"),
            dropped_out("tx_total_discard_pkts"),
            dropped_out("tx_stat_discard"),
            fault_out("[#]: tx_errors"),
            fault_out("tx_stat_error"),
            fault_out("tx_err"),
            fault_out("tx_fcs_err_frames"),
            fault_out("tx_fifo_underruns"),
        ],
    },
    // kernel: drivers/net/virtio_net.c
    Driver {
        names: &["virtio_net"],
        known_by: &["rx_queue_#_kicks", "rx#_kicks", "rx_kicks"],
        rows: &[
            dropped("rx_drops"),
            dropped("rx#_drops"),
            dropped("rx_queue_#_drops"),
            card("rx#_hw_drops"),
            card("rx_hw_drops"),
            ring("rx#_hw_drop_overruns"),
            ring("rx_hw_drop_overruns"),
            allowance("rx#_hw_ratelimit_packets", Way::In, "over the rate that the hypervisor lets in"),
            allowance("rx_hw_ratelimit_packets", Way::In, "over the rate that the hypervisor lets in"),
            allowance("tx#_hw_ratelimit_packets", Way::Out, "over the rate that the hypervisor lets out"),
            allowance("tx_hw_ratelimit_packets", Way::Out, "over the rate that the hypervisor lets out"),
            checksum("rx#_hw_csum_bad"),
            xdp("rx_xdp_drops"),
            xdp("rx#_xdp_drops"),
            xdp("rx_queue_#_xdp_drops"),
            xdp_out("tx_xdp_tx_drops"),
            xdp_out("tx#_xdp_tx_drops"),
            xdp_out("tx_queue_#_xdp_tx_drops"),
            dropped_out("tx#_hw_drops"),
            fault_out("tx_tx_timeouts"),
            fault_out("tx#_tx_timeouts"),
            fault_out("tx_queue_#_tx_timeouts"),
        ],
    },
    // kernel: drivers/net/vmxnet3/vmxnet3_ethtool.c; blanks lead the names, and each queue has the same.
    Driver {
        names: &["vmxnet3"],
        known_by: &["drv dropped rx total", "LRO pkts rx"],
        rows: &[
            ring("pkts rx OOB"),
            dropped("drv dropped rx total"),
            memory("rx buf alloc fail"),
            damaged("pkts rx err"),
            damaged("fcs"),
            damaged("err"),
            xdp("xdp drops"),
            xdp("xdp aborted"),
            dropped_out("pkts tx discard"),
            dropped_out("drv dropped tx total"),
            stopped("ring full"),
            fault_out("pkts tx err"),
            fault_out("hdr err"),
            fault_out("too many frags"),
            fault_out("giant hdr"),
            fault_out("tx timeout count"),
        ],
    },
    // kernel: drivers/net/hyperv/netvsc_drv.c
    Driver {
        names: &["hv_netvsc"],
        known_by: &["vf_rx_packets", "rx_comp_busy", "tx_send_full"],
        rows: &[
            memory("rx_no_memory"),
            row(
                "rx_comp_busy",
                Way::In,
                Meaning::Fault,
                "time",
                "the ring to the hypervisor had no place to say that a packet was received",
            ),
            row(
                "vf_rx_packets",
                Way::In,
                Meaning::PassedBy,
                "packet",
                "came by the virtual function, past this device",
            ),
            row(
                "vf_tx_packets",
                Way::Out,
                Meaning::PassedBy,
                "packet",
                "left by the virtual function, past this device",
            ),
            harmless("vf_rx_bytes"),
            harmless("vf_tx_bytes"),
            dropped_out("vf_tx_dropped"),
            row("tx_no_memory", Way::Out, Meaning::NoMemory, "packet", "that were to be sent lost for want of memory"),
            dropped_out("tx_no_space"),
            dropped_out("tx_too_big"),
            stopped("tx_busy"),
            stopped("tx_send_full"),
            stopped("stop_queue"),
            xdp("rx_queue_#_xdp_drop"),
            fault("vlan_error"),
        ],
    },
    // kernel: drivers/net/ethernet/realtek/r8169_main.c
    Driver {
        names: &["r8169", "r8168", "r8125"],
        known_by: &["tx_multi_collisions"],
        rows: &[card("rx_missed"), damaged("align_errors"), fault_out("tx_aborted"), fault_out("tx_underrun")],
    },
    // kernel: drivers/net/veth.c
    Driver {
        names: &["veth"],
        known_by: &["peer_ifindex"],
        rows: &[
            row(
                "rx_queue_#_drops",
                Way::In,
                Meaning::NoMemory,
                "packet",
                "lost on the way to an XDP program: no memory, or its ring was full",
            ),
            xdp("rx_queue_#_xdp_drops"),
            xdp("rx_queue_#_xdp_redirect_errors"),
            xdp_out("rx_queue_#_xdp_tx_errors"),
            xdp_out("tx_queue_#_xdp_xmit_errors"),
        ],
    },
];

/// Names that many drivers give, most of them after `struct rtnl_link_stats64` (kernel: include/uapi/linux/if_link.h).
const OF_ANY: &[Row] = &[
    card("rx_missed_errors"),
    card("rx_missed"),
    ring("rx_fifo_errors"),
    ring("rx_over_errors"),
    ring("rx_discards"),
    ring("rx_out_of_buffer"),
    ring("rx_drops_no_pbuf"),
    ring_times("rx_no_buffer_count"),
    memory("rx_alloc_fail"),
    memory("alloc_rx_buff_failed"),
    damaged("rx_crc_errors"),
    damaged("rx_fcs_errors"),
    damaged("rx_align_errors"),
    damaged("rx_frame_errors"),
    damaged("rx_length_errors"),
    damaged("rx_errors"),
    checksum("rx_csum_offload_errors"),
    row(
        "rx_dropped",
        Way::In,
        Meaning::Unwanted,
        "packet",
        "that nobody here takes, or that the driver dropped (rx_dropped)",
    ),
    unwanted("rx_nohandler"),
    // Pages that come back to a pool that has enough of them.
    harmless("rx_pp_recycle_ring_full"),
    harmless("rx_pp_recycle_cache_full"),
    harmless("rx#_pp_recycle_ring_full"),
    harmless("rx#_pp_recycle_cache_full"),
    unwanted("rx_otherhost_dropped"),
    waits("rx_pause"),
    waits("rx_pause_frames"),
    asks_to_wait("tx_pause"),
    asks_to_wait("tx_pause_frames"),
    dropped_out("tx_dropped"),
    fault_out("tx_errors"),
    fault_out("tx_fifo_errors"),
    fault_out("tx_aborted_errors"),
    fault_out("tx_carrier_errors"),
    fault_out("tx_heartbeat_errors"),
    fault_out("tx_window_errors"),
];

/// Parts of names that sound of loss.
const LOSS_LIKE: [&str; 17] = [
    "drop", "miss", "err", "discard", "fail", "overrun", "overflow", "no_buf", "nobuf", "no_desc", "out_of", "oob",
    "lost", "exceed", "bad_", "full", "timeout",
];

/// A name with its numbers taken out and the blanks around it gone: `rx_queue_3_drops` is `rx_queue_#_drops`.
pub fn shape(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if !name.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    let mut shape = String::with_capacity(name.len());
    for c in name.chars() {
        if !c.is_ascii_digit() {
            shape.push(c);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    Cow::Owned(shape)
}

/// What a statistic means, by the driver's name and that of the statistic without its numbers ([`shape`]). None for names that
/// are not known.
pub fn of(driver: &str, shape: &str) -> Option<&'static Row> {
    let known = DRIVERS.iter().find(|known| known.names.contains(&driver));
    let rows = known.map_or(&[][..], |known| known.rows);
    rows.iter().chain(OF_ANY).find(|row| row.name == shape)
}

/// The driver that gives these statistics, where one of them is a name that no other driver has.
pub fn driver_of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let is_known_by = |driver: &Driver| names.clone().any(|name| driver.known_by.contains(&&*shape(name)));
    DRIVERS.iter().find(|driver| is_known_by(driver)).and_then(|driver| driver.names.first().copied())
}

/// Whether a name that is not known sounds as if packets were lost.
pub fn sounds_of_loss(name: &str) -> bool {
    // Of an interrupt nothing is lost, though "err" is in it.
    let name = name.to_ascii_lowercase().replace([' ', '.'], "_").replace("interrupt", "");
    LOSS_LIKE.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_in_names_do_not_matter() {
        assert_eq!(shape("rx_queue_12_drops"), "rx_queue_#_drops");
        assert_eq!(shape("  pkts rx OOB"), "pkts rx OOB");
        assert_eq!(shape("[7]: rx_l4_csum_errors"), "[#]: rx_l#_csum_errors");
    }

    #[test]
    fn the_same_name_means_what_its_driver_means() {
        let meaning = |driver| of(driver, "rx_queue_#_drops").map(|row| row.meaning);
        assert_eq!(meaning("igb"), Some(Meaning::RingFull));
        assert_eq!(meaning("virtio_net"), Some(Meaning::Dropped));
        assert_eq!(meaning("veth"), Some(Meaning::NoMemory));
        assert_eq!(meaning("some_other"), None);
        assert_eq!(of("some_other", "rx_missed_errors").map(|row| row.meaning), Some(Meaning::CardFull));
    }

    #[test]
    fn a_driver_is_known_by_a_name_that_no_other_has() {
        assert_eq!(driver_of(["rx_packets", "peer_ifindex"].into_iter()), Some("veth"));
        assert_eq!(driver_of(["rx_queue_0_packets", "rx_queue_0_kicks"].into_iter()), Some("virtio_net"));
        assert_eq!(driver_of(["rx_packets", "rx_errors"].into_iter()), None);
        let mut all = BTreeSet::new();
        for name in DRIVERS.iter().flat_map(|driver| driver.known_by) {
            assert!(all.insert(name), "{name} is said to tell two drivers apart");
        }
    }

    #[test]
    fn every_row_can_be_met_and_reads_after_its_count() {
        for driver in DRIVERS {
            let mut seen = BTreeSet::new();
            for row in driver.rows {
                assert_eq!(shape(row.name), row.name, "{} can never be met", row.name);
                assert!(seen.insert(row.name), "{:?} has {} twice", driver.names, row.name);
                assert_eq!(row.says.is_empty(), row.meaning == Meaning::Harmless, "{}", row.name);
            }
        }
    }
}
