//! An output for each recogniser.

/// A text for each recogniser, in whose outputs every figure is copied and none is a sum.
pub(super) const SAMPLES: &[(&str, &str)] = &[
    (
        "lsof +L1",
        "COMMAND PID USER FD TYPE DEVICE SIZE/OFF NLINK NODE NAME\njava 22 app 1w REG 8,1 5000000 0 11 /var/a.log (deleted)\n",
    ),
    ("du", "12G\t/var/lib\n400M\t/var/cache\n"),
    (
        "iostat -x",
        "Device r/s w/s rkB/s wkB/s r_await w_await aqu-sz %util\nsda 0.00 9.00 0.00 90.00 0.00 80.00 3.00 20.00\n",
    ),
    ("date", "sab 28 nov 2026, 20:27:41, UTC\n"),
    ("date", "Sat Nov 28 20:27:41 UTC 2026\n"),
    ("date", "2026-11-28T20:27:41+00:00\n"),
    ("tcpdump", "20:24:37.388303 IP 127.0.0.1.45733 > 127.0.0.1.9999: UDP, length 1472\n"),
    (
        "tcpdump",
        "20:24:37.388303 IP 127.0.0.1.45733 > 127.0.0.1.80: Flags [P.], seq 1:1449, ack 157, win 64, length 1448\n",
    ),
    (
        "sar, sadf, mpstat",
        "10:00:01 IFACE rxpck/s txpck/s rxkB/s txkB/s\n10:00:02 eth0 4123.45 2345.67 665.84 734.36\nAverage: eth0 4123.45 2345.67 665.84 734.36\n",
    ),
    ("sar, sadf, mpstat", "05:20:01 PM eth0 8123.22 612.10 11204.31 55.02 0.00 0.00 17.25\n"),
    ("sar, sadf, mpstat", "20:24:08 totsck tcpsck udpsck rawsck ip-frag tcp-tw\n20:24:09 812 12 3 0 0 28123\n"),
    (
        "sar, sadf, mpstat",
        "# hostname;interval;timestamp;IFACE;rxpck/s;txpck/s;rxkB/s;txkB/s\nweb1;1;2026-11-28 20:24:10 UTC;eth0;4123.45;2345.67;665.84;734.36\n",
    ),
    (
        "sar, sadf, mpstat",
        "web1\t1\t2026-11-28 20:24:10 UTC\teth0\trxpck/s\t4123.45\nweb1\t1\t2026-11-28 20:24:10 UTC\teth0\ttxpck/s\t2345.67\n",
    ),
    ("ifconfig, ip link, ip addr", OLD),
    ("ifconfig, ip link, ip addr", NEW),
    ("ifconfig, ip link, ip addr", IP),
    ("ifconfig, ip link, ip addr", "eth0             UP             192.0.2.10/24 2001:db8::12/64\n"),
    (
        "ifconfig, ip link, ip addr",
        "2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever preferred_lft forever\n",
    ),
    (
        "ip -j, nft -j, nstat -j, sadf -j, vnstat --json",
        "{\"kernel\":{\"IpInReceives\":51234,\"TcpExtListenOverflows\":4711}}\n",
    ),
    (
        "/proc/net/dev",
        "Inter-|   Receive\n face |bytes\n  eth0: 3492834266631 3811442658    0 7183    0     0          0         0 4635258443813 3587842070    0    0    0     0       0          0\n",
    ),
    (
        "netstat -i",
        "Kernel Interface table\nIface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\neth0      1500    30230     17     23 0         23884      0      0      0 BMRU\n",
    ),
    ("ss -s", "Total: 212\nTCP:   1234 (estab 634, closed 123, orphaned 0, timewait 814)\n"),
    ("ss, netstat", SS),
    (
        "ss, netstat",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\nudp   213120      0 0.0.0.0:5353            0.0.0.0:*                           1423/named\n",
    ),
    (
        "lsof -i",
        "COMMAND     PID     USER   FD   TYPE   DEVICE SIZE/OFF NODE NAME\nnginx      1201 www-data   10u  IPv4  9918231      0t0  TCP 192.0.2.10:8080->198.51.100.7:51234 (ESTABLISHED)\n",
    ),
    (
        "/proc/net/tcp, udp, tcp6, udp6",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18231 1 0000000000000000 100 0 0 10 0\n",
    ),
    ("uptime, w, top", " 23:51:36 up 12 days,  6:30,  3 users,  load average: 10.03, 20.12, 30.11\n"),
    (
        "uptime, w, top",
        "top - 14:31:10 up 1 day, 56 min,  2 users,  load average: 9.01, 7.73, 5.16\nTasks: 121 total,   2 running, 119 sleeping,   0 stopped,   0 zombie\n%Cpu(s):  1,3 us,  9,7 sy,  0,0 ni, 20,3 id,  0,0 wa,  1,0 hi, 67,7 si,  0,0 st\nMiB Mem :  24105,1 total,   4119,0 free,   6025,0 used,  14521,8 buff/cache\nMiB Swap:      0,0 total,      0,0 free,      0,0 used.  18080,1 avail Mem\n",
    ),
    (
        "free, /proc/meminfo",
        "$ free -k\n              total        used        free      shared  buff/cache   available\nMem:        4014080     1058816     1764352           0     1190912     2955264\nSwap:       1043456       12345     1031111\n",
    ),
    (
        "vmstat, iostat",
        "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n12  3 812344  71236  10232  99312    0    0    12    33   44   55  2  1 97  0  0\n22  9 832344  61236   9232  89312 8123 9123  9123 12331 44123 55123  9 71 17 20  0\n",
    ),
    (
        "uname -a, lscpu, nproc, /proc/cpuinfo, /proc/loadavg, os-release, hostnamectl",
        "Architecture:        x86_64\nCPU(s):              128\nVendor ID:           GenuineIntel\n",
    ),
    (
        "uname -a, lscpu, nproc, /proc/cpuinfo, /proc/loadavg, os-release, hostnamectl",
        "10.45 20.28 30.48 12/3123 123456\n",
    ),
    ("netstat -s", "TcpExt:\n    128105 connections reset due to unexpected data\n    TCPTimeWaitOverflow: 27360\n"),
    (
        "nstat, /proc/net/snmp, /proc/net/netstat, /proc/net/snmp6",
        "#kernel\nTcpExtListenOverflows           50123              0.0\nUdpRcvbufErrors                 81231              0.0\n",
    ),
    (
        "/proc/net/softnet_stat",
        "4c97f841 00000000 00003124 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n",
    ),
    (
        "/proc/interrupts",
        "           CPU0       CPU1\n 24:  271490338     123456   PCI-MSI 524288-edge      eth0-rx-0\n",
    ),
    (
        "ethtool, ethtool -S, -i, -g, -k, -l",
        "NIC statistics:\n     rx_packets: 3811442771\n     rx_missed_errors: 4954\n",
    ),
    (
        "ethtool, ethtool -S, -i, -g, -k, -l",
        "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t4096\nTX:\t\t4096\nCurrent hardware settings:\nRX:\t\t512\nTX:\t\t512\n",
    ),
    (
        "tc -s qdisc",
        "qdisc tbf 8001: dev eth0 root refcnt 2 rate 8Mbit burst 15Kb lat 50ms\n Sent 81234567 bytes 61234 pkt (dropped 4321, overlimits 70123 requeues 0)\n backlog 0b 0p requeues 0\n",
    ),
    (
        "conntrack -S, -C, -L, /proc/net/nf_conntrack",
        "cpu=0   \tfound=0 invalid=13220 insert=0 insert_failed=9921 drop=9921 early_drop=0\n",
    ),
    (
        "conntrack -S, -C, -L, /proc/net/nf_conntrack",
        "tcp      6 431999 ESTABLISHED src=192.0.2.101 dst=198.51.100.17 sport=33576 dport=8080 src=198.51.100.17 dst=192.0.2.101 sport=8080 dport=33576 [ASSURED] mark=0 use=1\n",
    ),
    ("sysctl", "net.core.rmem_default = 8388608\nnet.core.rmem_max = 16777216\n"),
    (
        "iptables, ip6tables, nft, ipset",
        "Chain INPUT (policy DROP 1234 packets, 56789 bytes)\n pkts bytes target     prot opt in     out     source               destination\n   99  5940 DROP       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:27015\n",
    ),
    (
        "ip route, route -n, /proc/net/route",
        "0.0.0.0         192.0.2.1       0.0.0.0         UG    0      0        0 eth17\n",
    ),
    ("ip neigh, arp", "192.0.2.30 dev eth0 FAILED\n192.0.2.31 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE\n"),
    (
        "vnstat",
        "1;eth0;2026-11-28;27.94 GiB;1.86 GiB;29.80 GiB;28.44 Gbit/s;2026-11;745.06 GiB;83.82 GiB;828.88 GiB;791.11 Gbit/s;849.69 GiB;114.98 GiB;964.67 GiB\n",
    ),
    (
        "vnstat",
        "Traffic average for eth0\n\n      rx         84.21 Mbit/s         12345 packets/s\n      tx          1.25 Mbit/s          2345 packets/s\n",
    ),
    ("sort | uniq -c", "$ netstat -ntu | awk '{print $5}' | sort | uniq -c\n   3812 198.51.100.23\n"),
    ("sort | uniq -c", "$ netstat -n | awk '/^tcp/ {++S[$NF]} END {for(a in S) print a, S[a]}'\nSYN_RECV 2041\n"),
    ("sadf -x, vnstat --xml", XML),
    (
        "/sys/class/net/*/statistics",
        "/sys/class/net/eth0/statistics/rx_missed_errors:7142467\n/sys/class/net/eth0/statistics/rx_packets:2059646370\n",
    ),
    (
        "dstat, ifstat, nload, nethogs, iftop, docker stats",
        "CONTAINER           CPU %               MEM USAGE/LIMIT     MEM %               NET I/O\nweb                 0.00%               41.16 MiB/994 MiB   4.14%               2.000 MiB/781.0 KiB\n",
    ),
    (
        "ping, mtr",
        "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n\n--- 192.0.2.1 ping statistics ---\n20 packets transmitted, 16 received, 20% packet loss, time 19024ms\n",
    ),
    (
        "traceroute, tracepath",
        "traceroute to web1.example (203.0.113.7), 30 hops max, 60 byte packets\n 1  gw.lan (192.0.2.1)  0.412 ms  0.380 ms  0.366 ms\n 2  203.0.113.7 (203.0.113.7)  11.102 ms  11.011 ms  11.223 ms\n",
    ),
    (
        "chronyc tracking, timedatectl, ntpq -p",
        "Reference ID    : C0000201 (ntp1.example)\nStratum         : 3\nSystem time     : 41.200000000 seconds slow of NTP time\nLeap status     : Normal\n",
    ),
    (
        "/proc/mdstat, zpool status",
        "md0 : active raid1 sdb1[1](F) sda1[0]\n      976630464 blocks super 1.2 [2/1] [U_]\n",
    ),
    (
        "pidstat",
        "10:11:01      UID       PID    %usr %system  %guest   %wait    %CPU   CPU  Command\n10:11:02        0     14663   96.00    4.00    0.00    0.00  100.00     0  rustc\n",
    ),
    ("resolvectl", "shop.example: resolve call failed: Query timed out\n"),
    (
        "supervisorctl status, rc-status",
        "celery                           RUNNING   pid 1021, uptime 12 days, 3:04:11\ngunicorn                         FATAL     Exited too quickly (process log may have details)\n",
    ),
    (
        "/proc/PID/limits, ulimit -a",
        "Limit                     Soft Limit           Hard Limit           Units     \nMax processes             96365                96365                processes \nMax open files            1024                 524288               files     \n",
    ),
    ("postqueue -p, mailq", "Mail queue is empty\n"),
    (
        "nginx -t, apachectl configtest",
        "nginx: [emerg] unknown directive \"lisen\" in /etc/nginx/sites-enabled/shop:3\nnginx: configuration file /etc/nginx/nginx.conf test failed\n",
    ),
    (
        "kubectl get, kubectl top",
        "NAME          READY   STATUS             RESTARTS   AGE\nweb-7f-8q9ss  0/1     CrashLoopBackOff   212        12d\n",
    ),
    (
        "fail2ban-client status",
        "Status for the jail: sshd\n|- Filter\n|  |- Currently failed: 41\n|  `- Total failed:     182312\n`- Actions\n   |- Currently banned: 312\n   `- Total banned:     10221\n",
    ),
    (
        "dstat, ifstat, nload, nethogs, iftop, docker stats",
        "                    191Mb          381Mb          572Mb\n└──────────────────┴──────────────┴──────────────────\nweb1.example.org    => 198.51.100.7        1.21Mb  1.18Mb  1.20Mb\n                    <=                      412Mb   409Mb   401Mb\n──────────────────────────────\nTX:     cum:   12.1GB   peak:  12.2Mb  rates:   8.12Mb  9.01Mb  8.88Mb\nRX:           1.02TB           941Mb            912Mb   899Mb   890Mb\nTOTAL:        1.03TB           950Mb            920Mb   908Mb   899Mb\n",
    ),
    ("last, lastb", "admin    ssh:notty    203.0.113.55     Thu Mar  9 10:21 - 10:21  (00:00)\n"),
    (
        "uptime, w, top",
        "top - 21:44:01 up 12 days,  3:11,  1 user,  load average: 42.18, 40.02, 33.91\n%Cpu0  : 12.1 us, 22.3 sy,  0.0 ni,  0.0 id,  0.0 wa,  0.0 hi, 65.6 si,  0.0 st\n",
    ),
    ("/proc/net/sockstat", "sockets: used 1812\nTCP: inuse 812 orphan 1201 tw 28123 alloc 3012 mem 91823\n"),
    ("df, ls", "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sda1        50G   50G   20K 100% /\n"),
    ("ps, iftop -t, nethogs -t, dropwatch, docker ps", "1025 drops at nf_hook_slow+8e (0xffffffff8155bfde)\n"),
    (
        "ps, iftop -t, nethogs -t, dropwatch, docker ps",
        "CONTAINER ID   IMAGE          COMMAND                  CREATED        STATUS        PORTS                                         NAMES\nc1b2c3d4e5f6   memcached      \"docker-entrypoint\"   3 weeks ago    Up 3 weeks    0.0.0.0:11211->11211/tcp, 0.0.0.0:11211->11211/udp   cache\n",
    ),
    ("logs", "Nov 28 14:05:11 web1 kernel: UDP: bad checksum. From 203.0.113.9:19 to 192.0.2.10:21143 ulen 1042\n"),
    (
        "/proc/pressure",
        "/proc/pressure/memory:some avg10=70.24 avg60=68.52 avg300=69.91 total=3559632828\n/proc/pressure/memory:full avg10=57.59 avg60=58.06 avg300=60.38 total=3300487258\n",
    ),
    (
        "kubectl describe, docker inspect",
        "    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n    Ready:          False\n    Restart Count:  14\n",
    ),
    (
        "smartctl",
        "ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE\n197 Current_Pending_Sector  0x0032   200   200   000    Old_age   Always       -       88\n",
    ),
    (
        "systemctl",
        "\u{d7} shop.service - The shop\n     Loaded: loaded (/etc/systemd/system/shop.service; enabled)\n     Active: failed (Result: oom-kill) since Mon 2026-11-02 10:00:00 UTC; 3min ago\n",
    ),
    (
        "ssh -v, curl -v, dig",
        "debug1: Authentication succeeded (publickey).\ndebug1: Entering interactive session.\ndebug1: pledge: network\n",
    ),
    ("ssh -v, curl -v, dig", ";; Query time: 5012 msec\n;; SERVER: 127.0.0.53#53(127.0.0.53)\n"),
    (
        "logs",
        "app_1  | 2026/11/28 14:05:11 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.9, server: a\n",
    ),
];

pub(super) const OLD: &str = "\
eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:01
          inet addr:192.0.2.10  Bcast:192.0.2.255  Mask:255.255.255.0
          inet6 addr: 2001:db8::1/64 Scope:Global
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1
          RX packets:456082 errors:1 dropped:91 overruns:0 frame:0
          TX packets:821015 errors:2 dropped:3 overruns:0 carrier:0
          RX bytes:59793427 (57.0 MiB)  TX bytes:1008283171 (961.5 MiB)

eth0:0    Link encap:Ethernet  HWaddr 02:00:00:00:00:01
          inet addr:192.0.2.11  Bcast:192.0.2.255  Mask:255.255.255.0
";

pub(super) const NEW: &str = "\
eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.10  netmask 255.255.255.0  broadcast 192.0.2.255
        inet6 2001:db8::1  prefixlen 64  scopeid 0x0<global>
        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)
        RX packets 456082  bytes 59793427 (57.0 MiB)
        RX errors 1  dropped 91  overruns 0  frame 0
        TX packets 821015  bytes 1008283171 (961.5 MiB)
        TX errors 2  dropped 3 overruns 0  carrier 0  collisions 0

eth0:0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.11  netmask 255.255.255.0  broadcast 192.0.2.255
";

pub(super) const IP: &str = "\
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0
       valid_lft forever preferred_lft forever
    inet6 2001:db8::1/64 scope global
    inet 192.0.2.11/24 brd 192.0.2.255 scope global secondary eth0:0
    RX: bytes  packets  errors  dropped overrun mcast
    59793427   456082   1       91      0       0
    TX: bytes  packets  errors  dropped carrier collsns
    1008283171 821015   2       3       0       0
";

pub(super) const SS: &str = "\
Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
udp   UNCONN 0      0            0.0.0.0:53         0.0.0.0:*     users:((\"named\",pid=1502,fd=512))
tcp   LISTEN 0      128             [::]:22            [::]:*     users:((\"sshd\",pid=900,fd=3))
tcp   ESTAB  0      36     192.0.2.10:22     198.51.100.7:50122 users:((\"sshd\",pid=901,fd=3))
";

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<sysstat xmlns="http://example.org/sysstat">
	<host nodename="web1">
		<file-date>2026-11-28</file-date>
		<statistics>
			<timestamp date="2026-11-28" time="20:24:10" utc="1" interval="1">
				<network per="second">
					<net-dev iface="eth0" rxpck="4123.45" txpck="2345.67" rxkB="665.84" txkB="734.36"/>
				</network>
			</timestamp>
		</statistics>
	</host>
</sysstat>
"#;
